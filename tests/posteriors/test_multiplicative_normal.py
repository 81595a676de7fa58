import numpy as np
import pytest
from scipy.stats import norm

from varlayers.dispatch import kernels_for
from varlayers.layers import Dense
from varlayers.posteriors import MultiplicativeNormal
from varlayers.random import key

RNG = np.random.default_rng(0)
SHAPE = (2, 3, 4)
LOC, EPS = RNG.normal(size=(2, *SHAPE))
K = kernels_for(LOC)
SHARES = {"weight": SHAPE, "channel": (4,), "layer": (1,)}


@pytest.mark.parametrize(("share", "shape"), SHARES.items())
def test_is_a_normal_of_variance_alpha_loc_squared(share, shape):
    posterior, rho = (
        MultiplicativeNormal(shift=0.0, share=share),
        RNG.normal(size=shape),
    )
    assert posterior.shapes(SHAPE) == {"loc": SHAPE, "rho": shape}
    q = posterior.constrain(K, {"loc": LOC, "rho": rho})
    alpha = np.logaddexp(rho, 0) ** 2
    _, variance = posterior.moments(K, q)
    np.testing.assert_allclose(variance, alpha * LOC**2, rtol=1e-13)
    desired = norm(LOC, np.sqrt(variance))
    w = posterior.sample(K, q, EPS)
    np.testing.assert_allclose((w - LOC) / LOC, np.sqrt(alpha) * EPS, rtol=1e-10)
    actual, _ = posterior.log_density_at(K, q, EPS)
    assert actual == pytest.approx(desired.logpdf(w).sum(), rel=1e-12)
    total = posterior.entropy(K, q)[0]
    assert total == pytest.approx(desired.entropy().sum(), rel=1e-12)


@pytest.mark.parametrize("share", SHARES)
def test_starts_with_noise_relative_to_each_weight(share):
    posterior = MultiplicativeNormal(0.2, share=share)
    params = posterior.init(K, key(0), LOC, fan_in=7)
    _, variance = posterior.moments(K, posterior.constrain(K, params))
    np.testing.assert_allclose(np.sqrt(variance), 0.2 * np.abs(LOC), rtol=1e-12)


def test_a_weight_of_zero_has_no_noise_and_infinite_density(library):
    """Its gradients are finite; that of the density by loc is 0 there, by symmetry."""
    posterior, loc = MultiplicativeNormal(), np.array([0.0, 2.0])
    params = library.tree({"loc": loc, "rho": np.zeros(2)})
    k, eps = kernels_for(params["loc"]), library.asarray([1.0, -1.0])
    q = posterior.constrain(k, params)
    assert library.to_numpy(posterior.sample(k, q, eps))[0] == 0
    density, grads = posterior.log_density_at(k, q, eps)
    assert float(density) == np.inf
    np.testing.assert_allclose(library.to_numpy(grads["loc"]), [0, -0.5])
    assert np.all(np.isfinite(library.to_numpy(grads["rho"])))


@pytest.mark.parametrize("estimator", ["reparameterization", "local", "flipout"])
def test_fits_every_estimator(estimator):
    layer = Dense(3, 2, estimator=estimator, posterior="multiplicative normal")
    assert layer.posterior == MultiplicativeNormal()


def test_gaussian_dropout_has_an_alpha_for_its_rate():
    """One alpha for a layer that multiplies each weight by N(1, p / (1 - p))."""
    rate = 0.2
    posterior = MultiplicativeNormal((rate / (1 - rate)) ** 0.5, share="layer")
    q = posterior.constrain(K, posterior.init(K, key(0), LOC, fan_in=3))
    np.testing.assert_allclose(q[1] ** 2, [0.25], rtol=1e-12)


def test_refuses_another_share():
    message = r"`share` 'weight', 'channel' or 'layer', got 'row'\."
    with pytest.raises(ValueError, match=message):
        MultiplicativeNormal(share="row")
