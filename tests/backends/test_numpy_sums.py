"""What is NumPy's own in its sums and up-sampling: groups of examples, and no pads.

The parity tests hold its numbers, where one group has every example.
"""

import tracemalloc

import numpy as np
import pytest
from support.poolings import POOLINGS, arrays_of

from varlayers.kernels import Kernels
from varlayers.windows import Window
from varlayers_backends import numpy_sums
from varlayers_backends.numpy import NumpyKernels

GENERIC, K = Kernels(np), NumpyKernels()
HALVES = Window((2, 2), (1, 1), ((0, 0), (0, 0)))


@pytest.mark.parametrize("size", [1, 3000])
@pytest.mark.parametrize("name", POOLINGS)
def test_groups_of_any_size_make_the_same(name, size, monkeypatch):
    """From one example at a time to several, with a last group cut short."""
    monkeypatch.setattr(numpy_sums, "BLOCK", size)
    x, dy, *pool = arrays_of(name, 5, np.random.default_rng(0))
    up, sizes = np.random.default_rng(1), tuple(range(2, x.ndim))
    longer = up.normal(
        size=(5, *(n * s for n, s in zip(x.shape[1:-1], sizes, strict=True)), 3)
    )
    for method, arguments in (
        ("sum_pool", (x, *pool)),
        ("sum_pool_adjoint", (dy, x.shape, *pool)),
        ("up_linear", (x, sizes)),
        ("up_linear_adjoint", (longer, sizes)),
    ):
        actual, desired = (getattr(k, method)(*arguments) for k in (K, GENERIC))
        np.testing.assert_allclose(actual, desired, rtol=0, atol=1e-12, err_msg=method)


def test_groups_are_as_large_as_they_say(monkeypatch):
    monkeypatch.setattr(numpy_sums, "BLOCK", 1000)
    groups = numpy_sums._groups(np.zeros((7, 10, 5)))
    assert [len(range(7)[group]) for group in groups] == [2, 2, 2, 1]
    assert len(numpy_sums._groups(np.zeros((3, 1000)))) == 3
    assert numpy_sums._groups(np.zeros((0, 10))) == []


def test_memory_is_a_few_blocks_beside_the_result(monkeypatch):
    monkeypatch.setattr(numpy_sums, "BLOCK", 1 << 15)
    monkeypatch.setattr(numpy_sums, "empty", np.empty)
    x = np.ones((64, 16, 16, 8), np.float32)
    longer = np.repeat(np.repeat(x, 2, axis=1), 2, axis=2)
    for call, result in (
        (lambda: numpy_sums.sum_pool(longer, (2, 2), HALVES), x.nbytes),
        (
            lambda: numpy_sums.sum_pool_adjoint(x, longer.shape, (2, 2), HALVES),
            longer.nbytes,
        ),
        (lambda: numpy_sums.up_linear(x, (2, 2)), longer.nbytes),
        (lambda: numpy_sums.up_linear_adjoint(longer, (2, 2)), x.nbytes),
    ):
        tracemalloc.start()
        call()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak <= result + 4 * (1 << 15)


def test_infinities_stay_where_they_are():
    """What does not join a sum does not reach it, not even times 0."""
    x = np.zeros((1, 5, 1))
    x[0, 2] = np.inf
    thirds = K.up_linear(x, (3,))
    np.testing.assert_array_equal(thirds, GENERIC.up_linear(x, (3,)))
    window = Window((1,), (1,), ((1, 1),))
    sums = K.sum_pool(x, (3,), window)
    np.testing.assert_array_equal(sums[0, :, 0], [0, np.inf, np.inf, np.inf, 0])


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_results_have_the_dtype_of_the_argument(dtype):
    x = np.ones((2, 4, 4, 3), dtype)
    for y in (
        K.sum_pool(x, (2, 2), HALVES),
        K.sum_pool_adjoint(x, (2, 8, 8, 3), (2, 2), HALVES),
        K.up_linear(x, (2, 3)),
        K.up_linear_adjoint(x, (2, 1)),
    ):
        assert y.dtype == dtype
