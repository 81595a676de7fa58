import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import laplace, norm

from varlayers.dispatch import kernels_for
from varlayers.divergences.normal_laplace import kl_normal_laplace
from varlayers.posteriors import MeanFieldNormal
from varlayers.priors import LaplacePrior
from varlayers.types import Comparison


def kl(loc, scale, prior, weight=0.0):
    """Return the divergence and weight * its gradient by loc and scale (slope 1)."""
    loc, scale = np.atleast_1d(loc), np.atleast_1d(scale)
    q = (loc, scale, np.ones_like(scale))
    pair = Comparison(MeanFieldNormal(), prior, q, {}, 1)
    zeros = {"loc": np.zeros_like(loc), "rho": np.zeros_like(loc)}
    return kl_normal_laplace(kernels_for(loc), pair, weight, zeros)[:2]


@pytest.mark.parametrize("loc", [-30.0, -0.2, 0.3, 1.0])
@pytest.mark.parametrize("scale", [1e-3, 0.5, 4.0])
def test_value_is_the_integral(loc, scale):
    q, p = norm(loc, scale), laplace(0.3, 0.7)

    def integrand(w):
        return q.pdf(w) * (q.logpdf(w) - p.logpdf(w))

    ends = loc - 12 * scale, loc + 12 * scale
    middle = np.clip(0.3, *ends)
    parts = [quad(integrand, ends[0], middle)[0], quad(integrand, middle, ends[1])[0]]
    value, _ = kl(loc, scale, LaplacePrior(0.3, 0.7))
    assert value == pytest.approx(sum(parts), rel=1e-8)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_extremes_are_finite(dtype):
    loc = np.array([-1e6, 0.0, 1e-30, 1.0, 1e6], dtype)
    for scale in (1e-6, 1.0, 1e3):
        for prior_scale in (1e-6, 1e3):
            scales = np.full_like(loc, scale)
            with np.errstate(over="raise", invalid="raise", divide="raise"):
                value, grads = kl(loc, scales, LaplacePrior(scale=prior_scale), 1.0)
            assert value.dtype == loc.dtype
            assert np.all(np.isfinite([value, *grads["loc"], *grads["rho"]]))


def test_gradient_is_finite_at_scale_zero():
    """As against a normal prior: the divergence is infinite, its gradient is not."""
    value, grads = kl(np.array([0.0, -2.0]), np.zeros(2), LaplacePrior(), 1.0)
    assert value == np.inf
    np.testing.assert_array_equal(grads["loc"], [0, -1])
    np.testing.assert_array_equal(grads["rho"], [-1, -1])
