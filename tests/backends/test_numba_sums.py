"""Compiled sums and up-sampling against the generic ones; enough channels for loops."""

import numpy as np
import pytest
from support.poolings import POOLINGS

pytest.importorskip("numba")

from varlayers.kernels import Kernels
from varlayers.windows import Window, out_space
from varlayers_backends import numba_sums, numba_threads
from varlayers_backends.numba import NumbaKernels

GENERIC, K = Kernels(np), NumbaKernels()
HALVES = Window((2, 2), (1, 1), ((0, 0), (0, 0)))


def calls(name, count=3, channels=16, dtype="float64"):
    """Yield a method and its arguments, for each of the methods."""
    space, *pool = POOLINGS[name]
    rng = np.random.default_rng(0)
    sizes = tuple(range(2, 2 + len(space)))
    longer = tuple(n * size for n, size in zip(space, sizes, strict=True))
    x, dy, up = (
        rng.standard_normal((count, *of, channels)).astype(dtype)
        for of in (space, out_space(space, *pool), longer)
    )
    yield "sum_pool", (x, *pool)
    yield "sum_pool_adjoint", (dy, x.shape, *pool)
    yield "up_linear", (x, sizes)
    yield "up_linear_adjoint", (up, sizes)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", POOLINGS)
def test_loops_make_what_the_generic_bodies_make(name, dtype):
    for method, arguments in calls(name, dtype=dtype):
        assert K.resampler(arguments[0]) is numba_sums
        actual, desired = (getattr(k, method)(*arguments) for k in (K, GENERIC))
        assert actual.dtype == dtype
        limit = 512 * np.finfo(dtype).eps
        np.testing.assert_allclose(actual, desired, 0, limit, err_msg=method)


@pytest.mark.parametrize("name", ["halves, padded", "three axes", "cut"])
def test_results_do_not_depend_on_the_threads(name, monkeypatch):
    monkeypatch.setattr(numba_sums, "_PART", 1)
    monkeypatch.setattr(numba_sums, "_MANY", 0)
    for method, arguments in calls(name, count=7):
        results = []
        for count in (1, 2, 3):
            monkeypatch.setattr(numba_threads, "team_size", lambda count=count: count)
            results.append(getattr(K, method)(*arguments))
        desired = getattr(GENERIC, method)(*arguments)
        np.testing.assert_allclose(results[0], desired, rtol=0, atol=1e-12)
        for result in results[1:]:
            np.testing.assert_array_equal(result, results[0])


def test_strided_and_read_only_arrays_are_copied():
    x = np.random.default_rng(0).standard_normal((2, 4, 6, 32))
    x.flags.writeable = False
    for one in (x, x[..., ::2], x[:, ::-1], x.transpose(0, 2, 1, 3)):
        actual, desired = (k.sum_pool(one, (2, 2), HALVES) for k in (K, GENERIC))
        np.testing.assert_allclose(actual, desired, rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [
        ((2, 4, 4, 15), "float32"),
        ((2, 4, 4, 16), "float16"),
        ((0, 4, 4, 16), "float32"),
    ],
)
def test_other_arrays_go_to_numpy_s_sums(shape, dtype):
    x = np.ones(shape, dtype)
    assert not numba_sums.knows(x)
    y = K.sum_pool(x, (2, 2), HALVES)
    assert y.dtype == dtype
    np.testing.assert_array_equal(y, GENERIC.sum_pool(x, (2, 2), HALVES))


def test_infinities_stay_where_they_are():
    """What does not join a sum does not reach it, not even times 0."""
    x = np.zeros((1, 5, 16))
    x[0, 2] = np.inf
    np.testing.assert_array_equal(K.up_linear(x, (3,)), GENERIC.up_linear(x, (3,)))
    sums = K.sum_pool(x, (3,), Window((1,), (1,), ((1, 1),)))
    np.testing.assert_array_equal(sums[0, :, 0], [0, np.inf, np.inf, np.inf, 0])
