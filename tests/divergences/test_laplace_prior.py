from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import laplace, norm

from varlayers.dispatch import kernels_for
from varlayers.divergences.laplace_prior import kl_laplace_laplace, kl_normal_laplace
from varlayers.posteriors import MeanFieldLaplace, MeanFieldNormal
from varlayers.priors import LaplacePrior
from varlayers.types import Comparison

FAMILIES = {
    "normal": (kl_normal_laplace, MeanFieldNormal(), norm),
    "laplace": (kl_laplace_laplace, MeanFieldLaplace(), laplace),
}
every_family = pytest.mark.parametrize("family", FAMILIES)


def kl(family, loc, scale, prior, weight=0.0):
    """Return the divergence and weight * its gradient by loc and scale (slope 1)."""
    formula, posterior, _ = FAMILIES[family]
    loc, scale = np.atleast_1d(loc), np.atleast_1d(scale)
    q = (loc, scale, np.ones_like(scale))
    pair = Comparison(posterior, prior, q, {}, 1)
    zeros = {"loc": np.zeros_like(loc), "rho": np.zeros_like(loc)}
    return formula(kernels_for(loc), pair, weight, zeros)[:2]


@pytest.mark.parametrize("loc", [-30.0, -0.2, 0.3, 1.0])
@pytest.mark.parametrize("scale", [1e-3, 0.5, 4.0])
@every_family
def test_value_is_the_integral(family, loc, scale):
    q, p = FAMILIES[family][2](loc, scale), laplace(0.3, 0.7)

    def integrand(w):
        return q.pdf(w) * (q.logpdf(w) - p.logpdf(w))

    ends = loc - 40 * scale, loc + 40 * scale
    edges = np.unique(np.clip([ends[0], loc, 0.3, ends[1]], *ends))
    parts = [quad(integrand, *piece)[0] for piece in pairwise(edges)]
    value, _ = kl(family, loc, scale, LaplacePrior(0.3, 0.7))
    assert value == pytest.approx(sum(parts), rel=1e-8)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@every_family
def test_extremes_are_finite(family, dtype):
    loc = np.array([-1e6, 0.0, 1e-30, 1.0, 1e6], dtype)
    for scale in (1e-6, 1.0, 1e3):
        for prior_scale in (1e-6, 1e3):
            scales = np.full_like(loc, scale)
            with np.errstate(over="raise", invalid="raise", divide="raise"):
                value, grads = kl(
                    family, loc, scales, LaplacePrior(scale=prior_scale), 1.0
                )
            assert value.dtype == loc.dtype
            assert np.all(np.isfinite([value, *grads["loc"], *grads["rho"]]))


@every_family
def test_gradient_is_finite_at_scale_zero(family):
    """As against a normal prior: the divergence is infinite, its gradient is not."""
    value, grads = kl(family, np.array([0.0, -2.0]), np.zeros(2), LaplacePrior(), 1.0)
    assert value == np.inf
    np.testing.assert_array_equal(grads["loc"], [0, -1])
    np.testing.assert_array_equal(grads["rho"], [-1, -1])


def test_of_laplace_posteriors_is_that_of_torch():
    torch = pytest.importorskip("torch")
    loc, scale = np.array([-3.0, 0.1, 0.5]), np.array([0.2, 1.0, 4.0])
    distribution = torch.distributions.Laplace
    q = distribution(torch.from_numpy(loc), torch.from_numpy(scale))
    p = distribution(*(torch.tensor(one, dtype=torch.float64) for one in (0.3, 0.7)))
    desired = float(torch.distributions.kl_divergence(q, p).sum())
    value, _ = kl("laplace", loc, scale, LaplacePrior(0.3, 0.7))
    assert value == pytest.approx(desired, rel=1e-13)


def test_a_laplace_posterior_costs_nothing_at_its_prior():
    loc, scale = np.array([0.3, -1.0]), np.array([0.7, 2.0])
    value, grads = kl("laplace", loc, scale, LaplacePrior(loc, scale), 1.0)
    assert value == pytest.approx(0, abs=1e-14)
    for grad in grads.values():
        np.testing.assert_allclose(grad, 0, atol=1e-14)
