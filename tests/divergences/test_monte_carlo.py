import numpy as np
import pytest
from scipy.stats import norm, t

from varlayers.dispatch import kernels_for
from varlayers.divergences import MonteCarlo
from varlayers.divergences.normal_normal import kl_normal_normal
from varlayers.posteriors import MeanFieldNormal, Point
from varlayers.priors import NormalPrior, StudentTPrior, Unused
from varlayers.types import Comparison

LOC, SCALE, SLOPE = np.abs(np.random.default_rng(0).normal(size=(3, 3, 2)))
K = kernels_for(LOC)


def estimate(prior, eps, weight=0.0):
    pair = Comparison(MeanFieldNormal(), prior, (LOC, SCALE, SLOPE), {}, 1, tuple(eps))
    zeros = {"loc": np.zeros_like(LOC), "rho": np.zeros_like(LOC)}
    return MonteCarlo(len(eps))(K, pair, weight, zeros)[:2]


def test_value_is_that_of_scipys_densities():
    eps = np.random.default_rng(1).normal(size=(4, 3, 2))
    w = LOC + SCALE * eps
    q, p = norm(LOC, SCALE), t(3, 0.1, 2)
    value, _ = estimate(StudentTPrior(0.1, 2), eps)
    expected = np.mean(np.sum(q.logpdf(w) - p.logpdf(w), axis=(1, 2)))
    assert value == pytest.approx(expected, rel=1e-12)


def test_gradient_is_the_total_derivative():
    """Not that of log p alone: by scale it is -1 / scale - ε ∂log p."""
    eps = np.random.default_rng(1).normal(size=(1, 3, 2))
    dlog_p = -(LOC + SCALE * eps[0])
    _, grads = estimate(NormalPrior(), eps, 1.0)
    np.testing.assert_allclose(grads["loc"], -dlog_p, rtol=1e-12)
    expected = SLOPE * (-1 / SCALE - eps[0] * dlog_p)
    np.testing.assert_allclose(grads["rho"], expected, rtol=1e-12)


def test_mean_is_the_divergence_and_its_gradient():
    """Within five standard errors, of 20,000 samples drawn in antithetic pairs."""
    half = np.random.default_rng(2).normal(size=(10_000, 3, 2))
    eps = np.concatenate([half, -half])
    prior = NormalPrior(0.3, 0.7)
    value, grads = estimate(prior, eps, 1.0)
    pair = Comparison(MeanFieldNormal(), prior, (LOC, SCALE, SLOPE), {}, 1)
    zeros = {"loc": np.zeros_like(LOC), "rho": np.zeros_like(LOC)}
    exact, desired, _ = kl_normal_normal(K, pair, 1.0, zeros)
    assert value == pytest.approx(exact, rel=0.05)
    for name, grad in grads.items():
        np.testing.assert_allclose(grad, desired[name], rtol=0.05, atol=0.05)


def test_says_what_it_needs():
    way = MonteCarlo()
    assert way.needs(MeanFieldNormal(), StudentTPrior()) is None
    assert way.needs(Point(), StudentTPrior()) == "a posterior with a density"
    unused = Unused(NormalPrior())
    assert way.needs(MeanFieldNormal(), unused) == "a prior with a density"


@pytest.mark.parametrize("count", [0, -1, 1.5, True, "2"])
def test_refuses_other_counts(count):
    message = f"MonteCarlo expected an integer `num_samples` >= 1, got {count!r}"
    with pytest.raises(ValueError, match=message):
        MonteCarlo(count)
