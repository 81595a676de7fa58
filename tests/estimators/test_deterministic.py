import numpy as np

from varlayers.dispatch import kernels_for
from varlayers.estimators import Deterministic
from varlayers.maps import MATMUL
from varlayers.posteriors import MeanFieldNormal, MeanOf
from varlayers.random import key
from varlayers.types import Site

RNG = np.random.default_rng(0)
X, W, DY = RNG.normal(size=(4, 3)), RNG.normal(size=(3, 2)), RNG.normal(size=(4, 2))
SITE = Site(kernels_for(X), MATMUL, MeanOf(MeanFieldNormal()))


def test_draws_nothing():
    rule = Deterministic()
    assert rule.noise_shapes(SITE, X.shape, W.shape) == {}
    assert rule.draw(SITE, key(0), {}, X) == {}
    assert not rule.joint_bias
    assert rule.needs(MeanFieldNormal()) is None


def test_is_the_map_at_the_mean():
    y, saved = Deterministic().forward(SITE, (W,), X, {}, None)
    np.testing.assert_allclose(y, X @ W)
    grads = Deterministic().backward(SITE, (W,), saved, DY, input_gradient=True)
    np.testing.assert_allclose(grads.dx, DY @ W.T)
    np.testing.assert_allclose(grads.dparams["loc"], X.T @ DY)
    np.testing.assert_array_equal(grads.dparams["rho"], np.zeros_like(W))
