import numpy as np
import pytest

from varlayers.dispatch import kernels_for
from varlayers.divergences.rank1 import kl_rank1
from varlayers.posteriors import Rank1Normal
from varlayers.priors import LaplacePrior, NormalPrior
from varlayers.types import Comparison

RNG = np.random.default_rng(0)
LOC = RNG.normal(size=(2, 3, 2))
POSTERIOR = Rank1Normal(prior_scale=0.3)
K = kernels_for(LOC)


def divergence(row, column, prior):
    """Return the value and its gradient by loc and the scales (slopes 1)."""
    q = (LOC, row, np.ones_like(row), column, np.ones_like(column))
    zeros = {"loc": 0 * LOC, "row_rho": 0 * row, "column_rho": 0 * column}
    return kl_rank1(K, Comparison(POSTERIOR, prior, q, {}, 3), 1.0, zeros)[:2]


def test_is_that_of_the_factors_and_the_point():
    torch = pytest.importorskip("torch")
    row, column = RNG.uniform(0.1, 2, size=3), RNG.uniform(0.1, 2, size=2)
    one, t, scales = (
        torch.tensor(value, dtype=torch.float64)
        for value in (1.0, 0.3, [*row, *column])
    )
    q, p = (torch.distributions.Normal(one, scale) for scale in (scales, t))
    factors = float(torch.sum(torch.distributions.kl_divergence(q, p)))
    prior = LaplacePrior(0.2, 0.5)
    log_p, dw, _ = prior.log_prob(K, {}, LOC, 3)
    value, grads = divergence(row, column, prior)
    assert value == pytest.approx(factors - log_p, rel=1e-12)
    np.testing.assert_array_equal(grads["loc"], -dw)
    np.testing.assert_allclose(grads["row_rho"], row / 0.09 - 1 / row, rtol=1e-12)


def test_factors_cost_nothing_at_their_prior():
    row, column = np.full(3, 0.3), np.full(2, 0.3)
    value, grads = divergence(row, column, NormalPrior())
    log_p, _, _ = NormalPrior().log_prob(K, {}, LOC, 3)
    assert value == pytest.approx(-log_p, rel=1e-14)
    np.testing.assert_allclose(grads["row_rho"], 0, atol=1e-14)
    np.testing.assert_allclose(grads["column_rho"], 0, atol=1e-14)


def test_gradient_is_finite_at_scale_zero():
    value, grads = divergence(np.zeros(3), np.full(2, 0.3), NormalPrior())
    assert value == np.inf
    np.testing.assert_array_equal(grads["row_rho"], [-1, -1, -1])
