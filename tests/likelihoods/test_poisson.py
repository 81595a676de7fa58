import numpy as np
import pytest
from scipy import stats
from support.likelihoods import call

import varlayers as vl
from varlayers.likelihoods import Poisson

POISSON = Poisson()


def test_nll_is_scipys():
    rng = np.random.default_rng(0)
    outputs = rng.normal(size=(6, 4))
    targets = rng.poisson(3.0, size=(6, 4))
    desired = -stats.poisson.logpmf(targets, np.exp(outputs)).sum(axis=1)
    np.testing.assert_allclose(POISSON.nll({}, outputs, targets), desired, rtol=1e-13)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "uint64", "float32"])
def test_every_dtype_of_counts(dtype, library):
    outputs, targets = np.asarray([0.3, -2.0, 1.0]), np.asarray([0, 1, 5])
    desired = POISSON.nll({}, outputs, targets)
    t = library.asarray(targets, dtype)
    actual = library.to_numpy(
        call(library, POISSON.nll, {}, library.asarray(outputs), t)
    )
    np.testing.assert_allclose(actual, desired, rtol=1e-13)


def test_a_vanishing_rate_is_exact(library):
    outputs = library.asarray([-1e4, -1e4])
    nll = call(library, POISSON.nll, {}, outputs, library.asarray([0, 3], "int64"))
    desired = [0.0, 3e4 + np.log(6)]
    np.testing.assert_allclose(library.to_numpy(nll), desired, rtol=1e-15)


def test_an_overflowing_rate_is_infinite():
    with np.errstate(over="ignore"):
        assert POISSON.nll({}, np.asarray([1e4]), np.asarray([1])) == np.inf


def test_samples_have_the_distribution():
    count = 20_000
    samples = POISSON.sample({}, np.full(count, np.log(2.5)), vl.key(3))
    seen = np.bincount(samples.astype(int), minlength=9)[:9] / count
    p = stats.poisson.pmf(np.arange(9), 2.5)
    assert np.all(np.abs(seen - p) < 5 * np.sqrt(p / count))


def test_samples_are_counts_at_any_rate():
    outputs = np.repeat([[-1e3, 0, 15]], 1000, axis=0).astype(np.float32)
    samples = POISSON.sample({}, outputs, vl.key(0))
    assert np.all(samples[:, 0] == 0)
    assert np.all(samples == np.round(samples))
    np.testing.assert_allclose(samples[:, 2].mean(), np.exp(15), rtol=1e-3)


def test_boolean_counts_are_refused():
    with pytest.raises(
        TypeError, match="Poisson expected `targets` of kind integral or real floating"
    ):
        POISSON.nll({}, np.zeros(3), np.zeros(3, bool))
