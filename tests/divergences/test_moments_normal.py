import numpy as np
import pytest
from scipy.stats import multivariate_normal
from support.moments import assert_mean
from support.problems import scatter

from varlayers.dispatch import kernels_for
from varlayers.divergences.moments_normal import kl_moments_normal
from varlayers.divergences.normal_normal import kl_normal_normal
from varlayers.posteriors import POSTERIORS, MeanFieldNormal
from varlayers.priors import NormalPrior
from varlayers.random import key
from varlayers.tree import map_leaves
from varlayers.types import Comparison

SHAPE = (3, 2)
RNG = np.random.default_rng(1)
LOC_P, SCALE_P = np.array([0.3, -1.0]), np.array([[0.5], [1.0], [2.0]])
PRIOR = NormalPrior(LOC_P, SCALE_P)
K = kernels_for(np.zeros(1))
WITH_ENTROPY = {
    name: posterior
    for name, posterior in POSTERIORS.items()
    if getattr(posterior, "has_density", False)
}
every_posterior = pytest.mark.parametrize(
    "posterior", WITH_ENTROPY.values(), ids=WITH_ENTROPY
)


def example(posterior):
    like = np.zeros(SHAPE)
    params = posterior.init(K, key(0), like, fan_in=3)
    params = scatter(params, np.random.default_rng(5))
    q = posterior.constrain(K, params)
    return Comparison(posterior, PRIOR, q, {}, 3), map_leaves(np.zeros_like, params)


def sampled(posterior, q, count):
    shape = (count, *posterior.noise_shape(SHAPE))
    noise = posterior.draw(K, key(1), shape, np.zeros(1))
    return noise, np.array([posterior.sample(K, q, eps) for eps in noise])


@every_posterior
def test_is_the_mean_of_the_log_ratio(posterior):
    pair, zeros = example(posterior)
    noise, samples = sampled(posterior, pair.q, 5000)
    log_q = [posterior.log_density_at(K, pair.q, eps)[0] for eps in noise]
    log_p = [PRIOR.log_prob(K, {}, w, 3)[0] for w in samples]
    value, _, _ = kl_moments_normal(K, pair, 0.0, zeros)
    assert_mean(np.array(log_q) - np.array(log_p), value)
    assert value > 0


NORMAL = [name for name, posterior in WITH_ENTROPY.items() if posterior.normal_elements]


@pytest.mark.parametrize("name", NORMAL)
def test_is_that_of_torch(name):
    torch = pytest.importorskip("torch")
    posterior = POSTERIORS[name]
    pair, zeros = example(posterior)
    shape = posterior.noise_shape(SHAPE)
    units = np.eye(int(np.prod(shape))).reshape(-1, *shape)
    moved = np.array([posterior.sample(K, pair.q, eps) for eps in units]) - pair.q[0]
    linear = moved.reshape(len(units), -1).T
    normal = torch.distributions.MultivariateNormal
    q, p = (
        normal(torch.from_numpy(np.ravel(loc)), torch.from_numpy(covariance))
        for loc, covariance in (
            (pair.q[0], linear @ linear.T),
            (
                np.broadcast_to(LOC_P, SHAPE).copy(),
                np.diag(np.ravel(np.broadcast_to(SCALE_P, SHAPE)) ** 2),
            ),
        )
    )
    desired = float(torch.distributions.kl_divergence(q, p))
    actual, _, _ = kl_moments_normal(K, pair, 0.0, zeros)
    assert actual == pytest.approx(desired, rel=1e-10)


def test_of_a_mean_field_normal_is_that_of_its_own_formula():
    pair, zeros = example(MeanFieldNormal())
    learned = NormalPrior(LOC_P, SCALE_P, trainable=("loc", "scale"))
    pair = pair._replace(prior=learned, prior_params=learned.init(K, np.zeros(SHAPE)))
    actual = kl_moments_normal(K, pair, 0.7, map_leaves(np.copy, zeros))
    desired = kl_normal_normal(K, pair, 0.7, map_leaves(np.copy, zeros))
    for one, other in zip(actual, desired, strict=True):
        map_leaves(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14),
            {"": one},
            {"": other},
        )


@pytest.mark.parametrize("name", ["full-covariance normal", "matrix normal", "normal"])
def test_is_zero_at_the_prior(name):
    posterior = POSTERIORS[name]
    loc = np.full(SHAPE, 0.4)
    params = posterior.init(K, key(0), loc, fan_in=1)
    q = posterior.constrain(K, params)
    pair = Comparison(posterior, NormalPrior(0.4, 0.1), q, {}, 1)
    value, grads, _ = kl_moments_normal(K, pair, 1.0, map_leaves(np.zeros_like, params))
    assert value == pytest.approx(0, abs=1e-12)
    map_leaves(lambda g: np.testing.assert_allclose(g, 0, atol=1e-9), grads)


def test_correlation_alone_costs_what_its_determinant_says():
    """With the prior's variances: minus half the log of the correlations' det."""
    posterior, correlation = POSTERIORS["full-covariance normal"], 0.8
    scale = np.array([1.0, np.sqrt(1 - correlation**2)])
    lower = np.array([[0.0, 0.0], [correlation, 0.0]])
    q = (np.zeros(2), scale, np.ones(2), lower)
    params = {"loc": np.zeros(2), "rho": np.zeros(2), "lower": lower}
    pair = Comparison(posterior, NormalPrior(), q, {}, 1)
    value, _, _ = kl_moments_normal(K, pair, 0.0, params)
    assert value == pytest.approx(-0.5 * np.log(1 - correlation**2), rel=1e-12)
    assert multivariate_normal(cov=[[1, 0.8], [0.8, 1]]).entropy() == pytest.approx(
        posterior.entropy(K, q)[0]
    )
