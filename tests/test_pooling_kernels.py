"""The pooling of `Kernels` against a loop over every window."""

import numpy as np
import pytest
from support.libraries import assert_same
from support.poolings import POOLINGS, arrays_of

from varlayers.kernels import Kernels
from varlayers.pooling_kernels import PoolingKernels, index_dtype

K = Kernels(np)
every_pooling = pytest.mark.parametrize("name", POOLINGS)


def windows(x_shape, filter_shape, y_shape, window):
    """Yield the index of every output, and (offset, index in x) of what it sees."""
    offsets = list(enumerate(np.ndindex(filter_shape)))
    for i in np.ndindex(y_shape):
        seen = []
        for number, m in offsets:
            j = [
                a * s + b * d - low
                for a, b, s, d, (low, _) in zip(i[1:-1], m, *window[:3], strict=True)
            ]
            if all(0 <= at < n for at, n in zip(j, x_shape[1:-1], strict=True)):
                seen.append((number, (i[0], *j, i[-1])))
        yield i, seen


@every_pooling
@pytest.mark.parametrize("ties", [False, True])
def test_max_pool_is_the_first_largest_entry(name, ties):
    x, dy, *pool = arrays_of(name, 2, np.random.default_rng(0), ties=ties)
    y, index, dx = np.zeros_like(dy), np.zeros(dy.shape, int), np.zeros_like(x)
    for i, seen in windows(x.shape, pool[0], dy.shape, pool[1]):
        number, best = max(seen, key=lambda entry: (x[entry[1]], -entry[0]))
        y[i], index[i] = x[best], number
        dx[best] += dy[i]
    actual, chosen = K.max_pool(x, *pool)
    np.testing.assert_array_equal(actual, y)
    np.testing.assert_array_equal(chosen, index)
    back = K.max_pool_backward(dy, chosen, x.shape, *pool)
    np.testing.assert_allclose(back, dx, rtol=0, atol=1e-12)


@every_pooling
def test_sum_pool_and_its_adjoint(name):
    x, dy, *pool = arrays_of(name, 2, np.random.default_rng(0))
    y, dx = np.zeros_like(dy), np.zeros_like(x)
    for i, seen in windows(x.shape, pool[0], dy.shape, pool[1]):
        for _, j in seen:
            y[i] += x[j]
            dx[j] += dy[i]
    np.testing.assert_allclose(K.sum_pool(x, *pool), y, rtol=0, atol=1e-12)
    back = K.sum_pool_adjoint(dy, x.shape, *pool)
    np.testing.assert_allclose(back, dx, rtol=0, atol=1e-12)


@pytest.mark.parametrize("sizes", [(1, 1), (2, 3), (4, 1), (5, 2)])
@pytest.mark.parametrize("space", [(1, 1), (1, 4), (3, 2)])
def test_linear_up_sampling_and_its_adjoint(sizes, space):
    x = np.random.default_rng(0).normal(size=(2, *space, 3))
    y = x
    for axis, size in enumerate(sizes, 1):
        n = x.shape[axis]
        centres = (np.arange(n * size) + 0.5) / size - 0.5
        weights = np.stack([np.interp(centres, np.arange(n), row) for row in np.eye(n)])
        y = np.moveaxis(np.tensordot(y, weights, (axis, 0)), -1, axis)
    np.testing.assert_allclose(K.up_linear(x, sizes), y, rtol=0, atol=1e-14)
    dy = np.random.default_rng(1).normal(size=y.shape)
    dx = K.up_linear_adjoint(dy, sizes)
    assert dx.shape == x.shape
    assert np.sum(dx * x) == pytest.approx(np.sum(dy * y), rel=0, abs=1e-12 * y.size)


@pytest.mark.parametrize(("name", "dtype"), [("both", "float64"), ("cut", "float32")])
def test_generic_bodies_on_every_library(library, name, dtype):
    x, dy, *pool = arrays_of(name, 2, np.random.default_rng(0), dtype)
    kernels = Kernels(library.xp)
    kernels.device = lambda x: None if library.name == "jax" else x.device
    xl, dyl = library.asarray(x, dtype), library.asarray(dy, dtype)
    y, index = PoolingKernels.max_pool(kernels, xl, *pool)
    expected, chosen = K.max_pool(x, *pool)
    assert_same(library, (y, index), (expected, chosen), 0)
    actual = (
        kernels.max_pool_backward(dyl, index, x.shape, *pool),
        kernels.sum_pool(xl, *pool),
        kernels.sum_pool_adjoint(dyl, x.shape, *pool),
        kernels.up_linear(xl, pool[0]),
        kernels.up_linear_adjoint(kernels.up_linear(xl, pool[0]), pool[0]),
    )
    desired = (
        K.max_pool_backward(dy, chosen, x.shape, *pool),
        K.sum_pool(x, *pool),
        K.sum_pool_adjoint(dy, x.shape, *pool),
        K.up_linear(x, pool[0]),
        K.up_linear_adjoint(K.up_linear(x, pool[0]), pool[0]),
    )
    assert_same(library, actual, desired, 32 * np.finfo(dtype).eps)


def test_the_index_is_as_small_as_it_can_be():
    assert index_dtype(np, 256) is np.uint8
    assert index_dtype(np, 257) is np.int32
    (x, _, *pool) = arrays_of("more than a byte", 1, np.random.default_rng(0))
    assert K.max_pool(x, *pool)[1].dtype == np.int32
