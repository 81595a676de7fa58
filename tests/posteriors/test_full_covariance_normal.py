import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm
from support.moments import assert_mean

import varlayers as vl
from varlayers.dispatch import kernels_for
from varlayers.posteriors import FullCovarianceNormal
from varlayers.random import key

RNG = np.random.default_rng(0)
SHAPE = (2, 2)
PARAMS = {
    "loc": RNG.normal(size=SHAPE),
    "rho": RNG.normal(size=SHAPE),
    "lower": RNG.normal(size=(4, 4)),
}
K = kernels_for(PARAMS["loc"])


def test_samples_have_the_covariance_of_the_factor():
    posterior = FullCovarianceNormal(shift=0.0)
    q = posterior.constrain(K, PARAMS)
    scale = np.logaddexp(PARAMS["rho"], 0)
    factor = np.tril(PARAMS["lower"], -1) + np.diag(np.ravel(scale))
    noise = RNG.normal(size=(20_000, *SHAPE))
    samples = np.array([posterior.sample(K, q, eps) for eps in noise])
    off = np.reshape(samples - PARAMS["loc"], (-1, 4))
    assert_mean(off[:, :, None] * off[:, None, :], factor @ factor.T)


def test_starts_as_a_mean_field_normal():
    loc = np.zeros((100, 2))
    posterior = FullCovarianceNormal()
    params = posterior.init(K, key(0), loc, fan_in=100)
    _, variance = posterior.moments(K, posterior.constrain(K, params))
    np.testing.assert_allclose(variance, 0.01**2, rtol=1e-12)
    assert not np.any(params["lower"])


def test_what_is_above_the_diagonal_has_no_part():
    posterior = FullCovarianceNormal()
    other = PARAMS | {"lower": PARAMS["lower"] + np.triu(np.ones((4, 4)))}
    one, two = (posterior.constrain(K, params) for params in (PARAMS, other))
    eps = RNG.normal(size=SHAPE)
    np.testing.assert_array_equal(
        posterior.sample(K, one, eps), posterior.sample(K, two, eps)
    )
    assert not np.any(np.triu(posterior.sample_backward(K, one, eps, eps)["lower"]))


def test_evidence_of_a_linear_model_whatever_the_noise():
    """At the exact posterior, log p(y, w) - log q(w) is log p(y) for every w."""
    rng, n = np.random.default_rng(3), 6
    x, y, noise_scale = rng.normal(size=(n, 3)), rng.normal(size=n), 0.4
    precision = np.eye(3) + x.T @ x / noise_scale**2
    covariance = np.linalg.inv(precision)
    factor = np.linalg.cholesky(covariance)
    layer = vl.Dense(
        *(3, 1),
        estimator="reparameterization",
        posterior=FullCovarianceNormal(shift=0.0),
        bias=None,
    )
    loc = covariance @ x.T @ y / noise_scale**2
    kernel = {
        "loc": loc[:, None],
        "rho": np.log(np.expm1(np.diag(factor)))[:, None],
        "lower": factor,
    }
    q = layer.posterior.constrain(K, kernel)
    joint = np.eye(n) * noise_scale**2 + x @ x.T
    evidence = multivariate_normal(cov=joint).logpdf(y)
    for step in range(3):
        noise = layer.draw(key(step), x.shape, x)
        output, _ = layer.forward({"kernel": kernel}, x, noise)
        w = layer.posterior.sample(K, q, noise["kernel"])
        log_joint = (
            norm(output[:, 0], noise_scale).logpdf(y).sum() + norm.logpdf(w).sum()
        )
        log_q, _ = layer.posterior.log_density_at(K, q, noise["kernel"])
        assert log_joint - log_q == pytest.approx(evidence, rel=1e-10)


def test_refuses_a_large_weight():
    posterior = FullCovarianceNormal(max_size=5)
    message = (
        r"^FullCovarianceNormal expected a weight of at most `max_size` = 5 elements, "
        r"got shape \(3, 2\), 6 elements with 6² numbers in their factor\. Choose "
        r"LowRankNormal or MatrixNormal, or raise `max_size`\.$"
    )
    with pytest.raises(ValueError, match=message):
        posterior.shapes((3, 2))
    assert posterior.shapes((5, 1))["lower"] == (5, 5)
