from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from varlayers.dispatch import kernels_for
from varlayers.divergences.log_uniform import (
    kl_multiplicative_log_uniform,
    kl_normal_log_uniform,
)
from varlayers.posteriors import MeanFieldNormal, MultiplicativeNormal
from varlayers.priors import LogUniformPrior
from varlayers.types import Comparison

PRIOR = LogUniformPrior()


def kl(loc, scale, weight=1.0, slope=1.0):
    loc, scale = np.atleast_1d(loc), np.atleast_1d(scale)
    q = (loc, scale, slope + 0 * scale)
    pair = Comparison(MeanFieldNormal(), PRIOR, q, {}, 1)
    zeros = {"loc": np.zeros_like(loc), "rho": np.zeros_like(loc)}
    return kl_normal_log_uniform(kernels_for(loc), pair, weight, zeros)[:2]


def exact(alpha):
    """Return E log q(w) + E log|w| for N(1, alpha), by scipy, 0 at alpha = inf."""
    s = np.sqrt(alpha)

    def integrand(w):
        return norm.pdf(w, 1, s) * np.log(abs(w))

    edges = [1 - 12 * s, *np.clip([0.0, 1.0], 1 - 12 * s, None), 1 + 12 * s]
    pieces = pairwise(np.sort(edges))
    mean_log = sum(quad(integrand, *piece, limit=200)[0] for piece in pieces)
    limit = -0.5 * (np.euler_gamma + np.log(2))
    return mean_log - 0.5 * np.log(alpha) - limit


@pytest.mark.parametrize("alpha", [1e-4, 0.01, 0.1, 0.5, 1.0, 2.0, 10.0, 1e3])
def test_is_within_a_hundredth_of_the_integral(alpha):
    value, _ = kl(1.0, np.sqrt(alpha))
    assert value == pytest.approx(exact(alpha), abs=0.01)


@pytest.mark.parametrize("loc", [-3.0, 0.02])
def test_depends_on_alpha_alone(loc):
    assert kl(loc, 0.7 * abs(loc))[0] == pytest.approx(kl(1.0, 0.7)[0], rel=1e-12)


@pytest.mark.parametrize("share", ["weight", "channel", "layer"])
def test_of_a_multiplicative_normal_is_that_of_the_normal_it_is(share):
    posterior, rng = MultiplicativeNormal(share=share), np.random.default_rng(0)
    loc = rng.normal(size=(3, 2))
    params = {
        name: rng.normal(size=shape) if name == "rho" else loc
        for name, shape in posterior.shapes((3, 2)).items()
    }
    k = kernels_for(loc)
    q = posterior.constrain(k, params)
    start = {name: np.ones_like(p) for name, p in params.items()}
    pair = Comparison(posterior, PRIOR, q, {}, 1)
    value, grads, _ = kl_multiplicative_log_uniform(k, pair, 0.5, start)
    scale = np.abs(loc) * q[1]
    same, same_grads = kl(loc, scale, 0.5, slope=np.abs(loc) * q[2])
    assert value == pytest.approx(same, rel=1e-12)
    np.testing.assert_array_equal(grads["loc"], start["loc"])
    total = np.sum(same_grads["rho"])
    assert np.sum(grads["rho"] - 1) == pytest.approx(total, rel=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_extremes_are_finite(dtype):
    loc = np.array([-1e6, -1.0, 0.0, 1e-30, 1e-6, 1e6], dtype)
    for scale in (0.0, 1e-30, 1e-6, 1e3):
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            value, grads = kl(loc, np.full_like(loc, scale), slope=0 * loc)
        assert value.dtype == grads["loc"].dtype == loc.dtype
        assert np.all(np.isfinite([value, *grads["loc"], *grads["rho"]]))


def test_weights_without_a_mean_cost_nothing():
    value, grads = kl(0.0, 0.5)
    assert value == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose([grads["loc"], grads["rho"]], 0, atol=1e-12)


def test_pull_of_a_certain_weight_is_that_of_the_prior():
    """Where the scale is small the gradient by loc is that of log|loc|."""
    _, grads = kl(np.array([-2.0, 0.5]), np.full(2, 1e-6))
    np.testing.assert_allclose(grads["loc"], [-0.5, 2.0], rtol=1e-9)
