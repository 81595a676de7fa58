import math

import numpy as np
import pytest
from scipy.stats import kstest, laplace
from support.libraries import assert_same

from varlayers.dispatch import kernels_for
from varlayers.layers import Dense
from varlayers.posteriors import MeanFieldLaplace
from varlayers.random import fold_in, key, native

RNG = np.random.default_rng(0)
SHAPE = (3, 2)
PARAMS = {"loc": RNG.normal(size=SHAPE), "rho": RNG.normal(size=SHAPE)}
POSTERIOR = MeanFieldLaplace()
K = kernels_for(np.zeros(1))


@pytest.mark.parametrize("source", [key(3), native(np.random.default_rng(3))])
def test_noise_is_laplaces(source):
    eps = POSTERIOR.draw(K, source, (20_000,), np.zeros(1))
    assert kstest(eps, laplace.cdf).pvalue > 0.001
    assert not np.array_equal(eps[::2] > 0, eps[1::2] > 0)


def test_noise_is_the_quantile_of_uniform_bits(library):
    like = library.asarray(np.zeros(1))
    k = kernels_for(like)
    eps = POSTERIOR.draw(k, key(5), (7,), like)
    u = K.uniform(fold_in(key(5), 0), (7,), np.zeros(1))
    sign = K.signs(fold_in(key(5), 1), (7,), np.zeros(1))
    assert_same(library, eps, laplace.ppf(0.5 * (1 + sign * u)), 1e-7)
    assert_same(library, eps, -sign * np.log1p(-u), 1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_noise_is_finite_at_either_end_of_the_uniforms(dtype):
    """Even at the largest of them, which is where float32 could round to 1."""
    like = np.zeros(1, dtype)

    class Ends(type(K)):
        def uniform(self, source, shape, like):
            return np.array([0, 1 - 2.0**-24], like.dtype)

    eps = POSTERIOR.draw(Ends(), key(0), (2,), like)
    assert eps.dtype == like.dtype
    assert eps[0] == 0
    assert abs(eps[1]) == pytest.approx(24 * math.log(2), rel=1e-6)


def test_density_entropy_and_moments_are_those_of_scipy():
    q = POSTERIOR.constrain(K, PARAMS)
    desired = laplace(q[0], q[1])
    eps = RNG.laplace(size=SHAPE)
    w = POSTERIOR.sample(K, q, eps)
    density, _ = POSTERIOR.log_density_at(K, q, eps)
    assert density == pytest.approx(desired.logpdf(w).sum(), rel=1e-12)
    total, _ = POSTERIOR.entropy(K, q)
    assert total == pytest.approx(desired.entropy().sum(), rel=1e-12)
    mean, variance = POSTERIOR.moments(K, q)
    np.testing.assert_allclose(mean, desired.mean())
    np.testing.assert_allclose(variance, desired.var(), rtol=1e-13)


@pytest.mark.parametrize("fan_in", [1, 64])
def test_starts_with_the_standard_deviation_of_a_mean_field_normal(fan_in):
    params = POSTERIOR.init(K, key(0), PARAMS["loc"], fan_in=fan_in)
    _, variance = POSTERIOR.moments(K, POSTERIOR.constrain(K, params))
    np.testing.assert_allclose(np.sqrt(variance), 0.1 / fan_in**0.5, rtol=1e-12)


def test_fits_flipout_but_not_a_sum_that_would_be_normal():
    for estimator in ("reparameterization", "flipout"):
        layer = Dense(3, 2, estimator=estimator, posterior="laplace")
        assert layer.posterior == POSTERIOR
    message = r"LocalReparameterization needs independent normal weights\."
    with pytest.raises(ValueError, match=message):
        Dense(3, 2, estimator="local", posterior="laplace")
    message = "expected a `bias` of independent normals.*, got MeanFieldLaplace"
    with pytest.raises(ValueError, match=message):
        Dense(3, 2, estimator="local", bias="laplace")
