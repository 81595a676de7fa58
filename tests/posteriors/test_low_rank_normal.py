import numpy as np
import pytest
from scipy.stats import multivariate_normal
from support.libraries import assert_same
from support.moments import assert_mean

from varlayers.dispatch import kernels_for
from varlayers.posteriors import LowRankNormal, MeanFieldNormal
from varlayers.random import key

RNG = np.random.default_rng(0)
SHAPE = (2, 2)
PARAMS = {
    "loc": RNG.normal(size=SHAPE),
    "rho": RNG.normal(size=SHAPE),
    "factor": RNG.normal(size=(4, 2)),
}
K = kernels_for(PARAMS["loc"])
POSTERIOR = LowRankNormal(rank=2)
Q = POSTERIOR.constrain(K, PARAMS)
COVARIANCE = (
    np.diag(np.ravel(np.logaddexp(PARAMS["rho"], 0) + 1e-5) ** 2)
    + PARAMS["factor"] @ PARAMS["factor"].T
)


def test_samples_have_the_covariance_of_diagonal_and_factor():
    noise = RNG.normal(size=(20_000, *POSTERIOR.noise_shape(SHAPE)))
    samples = np.array([POSTERIOR.sample(K, Q, eps) for eps in noise])
    off = np.reshape(samples - PARAMS["loc"], (-1, 4))
    assert_mean(off[:, :, None] * off[:, None, :], COVARIANCE)


def test_density_is_that_of_the_weight_whatever_noise_gave_it():
    eps = RNG.normal(size=6)
    w = np.ravel(POSTERIOR.sample(K, Q, eps))
    desired = multivariate_normal(np.ravel(PARAMS["loc"]), COVARIANCE).logpdf(w)
    # the same sample from other noise
    own = eps[:4] + PARAMS["factor"] @ [1.0, -2.0] / np.ravel(Q[1])
    other = np.concatenate([own, eps[4:] - [1.0, -2.0]])
    np.testing.assert_allclose(np.ravel(POSTERIOR.sample(K, Q, other)), w, rtol=1e-12)
    for noise in (eps, other):
        actual, _ = POSTERIOR.log_density_at(K, Q, noise)
        assert actual == pytest.approx(desired, rel=1e-11)


def test_mean_of_the_densities_is_minus_the_entropy():
    noise = RNG.normal(size=(4000, 6))
    densities = [POSTERIOR.log_density_at(K, Q, eps)[0] for eps in noise]
    assert_mean(np.array(densities), -POSTERIOR.entropy(K, Q)[0])


def test_without_a_factor_it_is_a_mean_field_normal():
    params = PARAMS | {"factor": np.zeros((4, 2))}
    mean_field = MeanFieldNormal()
    actual = POSTERIOR.entropy(K, POSTERIOR.constrain(K, params))[0]
    desired = mean_field.entropy(K, mean_field.constrain(K, params))[0]
    assert actual == pytest.approx(desired, rel=1e-13)


@pytest.mark.parametrize("rank", [1, 8])
def test_starts_with_the_variance_of_a_mean_field_normal(rank):
    loc = np.zeros((100, 50))
    posterior = LowRankNormal(rank=rank)
    params = posterior.init(K, key(0), loc, fan_in=100)
    _, variance = posterior.moments(K, posterior.constrain(K, params))
    # 5000 times rank squares of normals: 2 % standard error of half the variance
    assert np.mean(variance) == pytest.approx(0.01**2, rel=0.05)
    assert np.all(np.std(params["factor"], axis=0) > 0.0)


@pytest.mark.parametrize("rank", [2, 7])
def test_small_scales_beside_a_large_factor_in_float32(library, rank):
    """I + Vᵀ V would be of order 1e9, and singular to rounding for a rank above n."""
    posterior = LowRankNormal(rank=rank)
    params = PARAMS | {
        "rho": np.full(SHAPE, -1e3),
        "factor": np.random.default_rng(5).normal(size=(4, rank)),
    }
    moved = library.tree(params, "float32")
    k = kernels_for(moved["loc"])
    actual, grads = posterior.entropy(k, posterior.constrain(k, moved))
    desired, expected = posterior.entropy(K, posterior.constrain(K, params))
    assert float(actual) == pytest.approx(desired, rel=1e-5)
    for name in ("factor", "rho"):
        assert_same(library, grads[name], np.float32(expected[name]), 1e-2)
    covariance = params["factor"] @ params["factor"].T + 1e-10 * np.eye(4)
    exact = multivariate_normal(np.zeros(4), covariance, allow_singular=True)
    if rank > 4:
        assert desired == pytest.approx(exact.entropy(), rel=1e-8)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rank": 0}, r"an integer `rank` >= 1, got 0\."),
        ({"rank": 1.5}, r"an integer `rank` >= 1, got 1\.5\."),
        ({"shift": 0}, r"`shift` > 0, got 0\. Without its independent part the"),
    ],
)
def test_refuses_arguments_out_of_range(arguments, message):
    with pytest.raises(ValueError, match=f"^LowRankNormal expected {message}"):
        LowRankNormal(**arguments)
