import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from varlayers.dispatch import kernels_for
from varlayers.divergences.normal_normal import kl_normal_normal
from varlayers.posteriors import MeanFieldNormal
from varlayers.priors import NormalPrior
from varlayers.types import Comparison

CASES = [(0.3, 0.5, -0.2, 1.5), (-2.0, 3.0, 1.0, 0.7), (0.0, 1e-3, 0.1, 1.0)]


def kl(loc, scale, prior_loc, prior_scale, weight=0.0, slope=1.0):
    """Return the divergence and weight * its gradient by loc and scale / slope."""
    loc, scale = np.asarray(loc), np.asarray(scale)
    zeros = {"loc": np.zeros_like(loc), "rho": np.zeros_like(scale)}
    q = (loc, scale, slope + np.zeros_like(scale))
    prior = NormalPrior(prior_loc, prior_scale)
    pair = Comparison(MeanFieldNormal(), prior, q, {}, 1)
    return kl_normal_normal(kernels_for(loc), pair, weight, zeros)[:2]


@pytest.mark.parametrize("case", CASES)
def test_value_is_the_integral(case):
    loc, scale, prior_loc, prior_scale = case
    q, p = norm(loc, scale), norm(prior_loc, prior_scale)
    expected, error = quad(
        lambda w: q.pdf(w) * (q.logpdf(w) - p.logpdf(w)),
        loc - 12 * scale,
        loc + 12 * scale,
    )
    value, _ = kl([loc], [scale], prior_loc, prior_scale)
    assert value == pytest.approx(expected, rel=1e-9, abs=10 * error)


def test_value_is_torchs_sum():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    arguments = np.array(CASES).T
    q, p = (
        torch.distributions.Normal(*map(torch.tensor, arguments[part]))
        for part in (slice(2), slice(2, 4))
    )
    expected = torch.distributions.kl_divergence(q, p).sum().item()
    assert kl(*arguments)[0] == pytest.approx(expected, rel=1e-13)


def test_is_zero_and_stationary_where_posterior_equals_prior():
    arrays = np.array([[0.4, -1.0], [0.8, 2.0]])
    value, gradient = kl(*arrays, *arrays, weight=1.0)
    assert value == 0
    np.testing.assert_array_equal(gradient["loc"], [0, 0])
    np.testing.assert_allclose(gradient["rho"], [0, 0], atol=1e-15)


def test_is_infinite_with_a_finite_gradient_at_scale_zero():
    """With scale = softplus(rho) the gradient by rho tends to -1 as rho falls."""
    with np.errstate(divide="ignore"):
        value, gradient = kl([0.5], [0.0], 0, 2, 1.0, slope=0.0)
    assert value == np.inf
    assert gradient == {"loc": [0.125], "rho": [-1]}


@pytest.mark.parametrize("rho", [-700.0, -40.0])
def test_gradient_by_rho_is_near_that_limit_before_it(rho):
    scale = np.exp(np.array([rho]))  # softplus and its slope alike, to rounding
    _, gradient = kl([0.5], scale, 0, 2, 1.0, slope=scale)
    np.testing.assert_allclose(gradient["rho"], [-1], rtol=1e-12)
