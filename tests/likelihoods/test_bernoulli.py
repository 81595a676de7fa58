import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import bernoulli
from support.likelihoods import call

import varlayers as vl
from varlayers.dispatch import kernels_for
from varlayers.likelihoods import Bernoulli

BERNOULLI = Bernoulli()


def test_nll_is_scipys():
    rng = np.random.default_rng(0)
    outputs, targets = rng.normal(size=(6, 4)), rng.integers(2, size=(6, 4))
    desired = -bernoulli.logpmf(targets, expit(outputs)).sum(axis=1)
    np.testing.assert_allclose(BERNOULLI.nll({}, outputs, targets), desired, rtol=1e-13)


@pytest.mark.parametrize(
    "dtype", ["bool", "int8", "uint8", "int32", "uint64", "float32", "float64"]
)
def test_every_dtype_of_targets(dtype, library):
    outputs, targets = np.asarray([0.3, -2.0, 1.0]), np.asarray([0, 1, 1])
    desired = BERNOULLI.nll({}, outputs, targets)
    t = library.asarray(targets, dtype)
    actual = library.to_numpy(
        call(library, BERNOULLI.nll, {}, library.asarray(outputs), t)
    )
    np.testing.assert_allclose(actual, desired, rtol=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("z", [40.0, -40.0, 1e4, -1e4])
def test_extreme_logits_are_exact(z, dtype, library):
    outputs = library.asarray([z, z], dtype)
    targets = library.asarray([z > 0, z < 0], "int32")
    nll = library.to_numpy(BERNOULLI.nll({}, outputs, targets))
    _, dz, _ = BERNOULLI.value_and_grad({}, outputs, targets)
    tail = np.exp(-abs(z))
    np.testing.assert_allclose(nll, [tail, abs(z)], rtol=1e-5)
    sign = np.sign(z)
    np.testing.assert_allclose(library.to_numpy(dz), [-sign * tail, sign], rtol=1e-5)
    if dtype == "float64":
        np.testing.assert_allclose(nll[0], tail, rtol=1e-14)


def test_gradient_at_a_logit_of_zero():
    _, dz, _ = BERNOULLI.value_and_grad({}, np.zeros(3), np.asarray([0.0, 1.0, 0.25]))
    np.testing.assert_array_equal(dz, [0.5, -0.5, 0.25])


def test_a_target_between_is_the_cross_entropy():
    outputs, targets = np.asarray([0.7, -3.0]), np.asarray([0.2, 0.9])
    p = expit(outputs)
    desired = -targets * np.log(p) - (1 - targets) * np.log1p(-p)
    np.testing.assert_allclose(BERNOULLI.nll({}, outputs, targets), desired, rtol=1e-13)


def test_mean_and_variance_keep_their_tails():
    outputs = np.asarray([-50.0, 0.0, 50.0])
    tail = np.exp(-50.0)
    np.testing.assert_allclose(BERNOULLI.mean({}, outputs), [tail, 0.5, 1], rtol=1e-14)
    variance = BERNOULLI.variance({}, outputs)
    np.testing.assert_allclose(variance, [tail, 0.25, tail], rtol=1e-14)


@pytest.mark.parametrize("unit", [0.0, 1 - 2.0**-24])
def test_samples_of_certain_outcomes(unit, monkeypatch):
    def uniform(k, source, shape, like):
        return np.full(shape, unit, like.dtype)

    outputs = np.asarray([-1e4, 1e4], np.float32)
    monkeypatch.setattr(type(kernels_for(outputs)), "uniform", uniform)
    assert np.array_equal(BERNOULLI.sample({}, outputs, vl.key(0)), [0, 1])
