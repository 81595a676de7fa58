"""Compiled passes at their corners; the parity tests hold them to the generic ones."""

import math

import numpy as np
import pytest

pytest.importorskip("numba")

from varlayers.kernels import Kernels
from varlayers_backends import numba_passes
from varlayers_backends.numba_passes import BLOCK
from varlayers_backends.numba_threads import ALONE, team

GENERIC = Kernels(np)
DTYPES = ("float32", "float64")


def softplus(values, dtype, shift=0.0):
    x = np.array(values, dtype)
    value, slope = np.empty_like(x), np.empty_like(x)
    numba_passes.softplus(ALONE, x, value, slope, shift)
    return value, slope


@pytest.mark.parametrize("dtype", DTYPES)
def test_softplus_far_from_zero(dtype):
    value, slope = softplus([-1e3, 1e3, -math.inf, math.inf], dtype)
    np.testing.assert_array_equal(value, [0, 1e3, 0, math.inf])
    np.testing.assert_array_equal(slope, [0, 1, 0, 1])


@pytest.mark.parametrize("dtype", DTYPES)
def test_softplus_of_nan_is_nan(dtype):
    assert np.isnan(softplus([math.nan] * 33, dtype)).all()


def test_softplus_is_shifted():
    np.testing.assert_allclose(softplus([0.0], "float64", 0.25)[0], math.log(2) + 0.25)


def add_kl(size, dtype="float32", scale=None):
    rng = np.random.default_rng(1)
    loc, slope, dloc, drho = rng.uniform(0.1, 1, (4, size)).astype(dtype)
    scale = np.full(size, 0.3 if scale is None else scale, dtype)
    arrays, sums = (loc, scale, slope, dloc, drho), np.empty(-(-size // BLOCK))
    kl = np.empty(1, dtype)
    generic = [array.copy() for array in arrays]
    with np.errstate(divide="ignore", over="ignore"):
        desired = GENERIC.add_kl_normal_(*generic[:3], 0.5, 2.0, 0.3, *generic[3:])
    numba_passes.add_kl_normal(ALONE, *arrays, sums, kl, 0.5, 2.0, 0.3)
    np.testing.assert_array_equal(kl, sums.sum().astype(dtype))
    return sums, (dloc, drho), desired


def test_divergence_is_a_sum_over_blocks():
    whole, _, desired = add_kl(2 * BLOCK + 100, "float64")
    first, _, _ = add_kl(BLOCK, "float64")
    assert whole.shape == (3,)
    assert first.shape == (1,)
    np.testing.assert_allclose(whole.sum(), desired[0], rtol=1e-12)


@pytest.mark.parametrize("scale", [0.0, 1e-30, 1e-42, 1e15])
def test_divergence_at_extreme_scales(scale):
    sums, grads, (kl, *desired) = add_kl(40, scale=scale)
    np.testing.assert_allclose(sums.sum(), float(kl), rtol=1e-5)
    for one, other in zip(grads, desired, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)


def test_divergence_with_nan_is_nan():
    sums, _, _ = add_kl(40, scale=math.nan)
    assert np.isnan(sums[0])


# ---- rows ---------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (1, 1), (3, 7), (2, 3 * BLOCK + 5)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_sums_of_rows(shape, dtype):
    x = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    out = np.empty(shape[0], dtype)
    numba_passes.sum_rows(ALONE, x, out)
    limit = 2 * np.finfo(dtype).eps * np.abs(x).sum(axis=1, dtype="float64")
    assert (np.abs(out - x.sum(axis=1, dtype="float64")) <= limit).all()


def test_sums_of_long_rows_do_not_lose_digits():
    """One running sum of as many would be off in its second digit."""
    x = np.full((1, 4_000_001), 0.1, np.float32)
    out = np.empty(1, np.float32)
    numba_passes.sum_rows(ALONE, x, out)
    np.testing.assert_allclose(out, x.sum(axis=1, dtype="float64"), rtol=2e-6)


def test_sums_of_rows_that_are_not_finite():
    x = np.ones((4, 40), np.float32)
    x[0, 3], x[1, 5], x[2, 7], x[2, 8] = math.nan, math.inf, math.inf, -math.inf
    out = np.empty(4, np.float32)
    numba_passes.sum_rows(ALONE, x, out)
    np.testing.assert_array_equal(out, [math.nan, math.inf, math.nan, 40])


def test_threads_sum_rows_as_one_does():
    x = np.random.default_rng(0).standard_normal((5_001, 33)).astype(np.float32)
    alone, shared = np.empty(len(x), "f4"), np.empty(len(x), "f4")
    numba_passes.sum_rows(ALONE, x, alone)
    numba_passes.sum_rows(team(2), x, shared)
    np.testing.assert_array_equal(shared, alone)


@pytest.mark.parametrize("width", [1, 7])
@pytest.mark.parametrize("rows", [[], [4], [3, 0, 3, 4, 4]])
@pytest.mark.parametrize("dtype", DTYPES)
def test_rows_are_taken(rows, width, dtype):
    x, rows = np.arange(5 * width).reshape(5, width).astype(dtype), np.array(rows, int)
    out = np.full((len(rows), width), math.nan, dtype)
    numba_passes.take_rows(ALONE, x, rows, out)
    np.testing.assert_array_equal(out, x[rows])


def test_threads_take_the_rows_that_one_takes():
    rng = np.random.default_rng(0)
    x, rows = rng.standard_normal((1_000, 33)), rng.integers(0, 1_000, 5_001)
    out = np.empty((len(rows), 33))
    numba_passes.take_rows(team(2), x, rows, out)
    np.testing.assert_array_equal(out, x[rows])


@pytest.mark.parametrize("rows", [[3], [0, -4], [1, 2, 2**40]])
def test_rows_that_are_not_there(rows):
    x, out = np.zeros((3, 2), np.uint8), np.ones((len(rows), 2), np.uint8)
    with pytest.raises(IndexError, match="take_rows expected numbers of rows of x"):
        numba_passes.take_rows(ALONE, x, np.array(rows), out)
    assert out.all()
