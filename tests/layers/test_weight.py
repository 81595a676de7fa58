import numpy as np
import pytest
from support.gradients import assert_directional
from support.problems import scatter

from varlayers.dispatch import kernels_for
from varlayers.initializers import INITIALIZERS
from varlayers.layers.weight import Weight
from varlayers.posteriors import MeanFieldNormal, MeanOf, Point
from varlayers.random import key

LIKE = np.zeros(0)
K = kernels_for(LIKE)
RNG = np.random.default_rng(0)
EPS, DW = RNG.normal(size=(2, 3, 2))
POSTERIORS = [MeanFieldNormal(), Point(), MeanOf(MeanFieldNormal())]


def weight(posterior):
    return Weight((3, 2), posterior, None, INITIALIZERS["he_uniform"], (3, 2))


@pytest.mark.parametrize("posterior", POSTERIORS)
def test_value_and_its_gradient(posterior):
    one = weight(posterior)
    params = scatter(one.init(K, key(0), LIKE), np.random.default_rng(1))

    def value(params):
        return (one.value(K, posterior.constrain(K, params), EPS) * DW).sum()

    gradient = one.value_backward(K, posterior.constrain(K, params), EPS, DW)
    assert_directional(value, params, gradient)


@pytest.mark.parametrize("posterior", POSTERIORS)
def test_only_a_posterior_with_noise_is_random(posterior):
    assert weight(posterior).random == (None if posterior.deterministic else posterior)


def test_initializer_and_posterior_use_keys_of_their_own():
    class Noisy(Point):
        def init(self, k, key, loc, *, fan_in):
            return {
                "loc": loc,
                "again": INITIALIZERS["he_uniform"](k, key, loc.shape, loc, (3, 2)),
            }

    params = weight(Noisy()).init(K, key(0), LIKE)
    assert not np.any(params["loc"] == params["again"])


def test_loc_and_scale_are_those_of_the_posterior():
    params = {"loc": EPS, "rho": DW}
    actual = weight(MeanFieldNormal(shift=0.5)).loc_and_scale(K, params)
    np.testing.assert_array_equal(actual["loc"], EPS)
    np.testing.assert_allclose(actual["scale"], np.log1p(np.exp(DW)) + 0.5)
    point = weight(Point()).loc_and_scale(K, {"loc": EPS})
    np.testing.assert_array_equal(point["scale"], np.zeros((3, 2)))
