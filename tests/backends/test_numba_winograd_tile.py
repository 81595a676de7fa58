"""The transforms of Winograd's algorithm against their matrices."""

import numpy as np
import pytest

pytest.importorskip("numba")

from numba import njit

from varlayers_backends import numba_winograd_tile
from varlayers_backends.numba_tile import lanes_of

B_T = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]])
A_T = np.array([[1, 1, 1, 0], [0, 1, -1, -1]])
ROW, STEP = 7, 3  # of entries and of products, in vectors


@njit
def inputs(x, column, v, step):
    numba_winograd_tile.inputs(x, column, ROW * column, column, v, 2 * column, step)


@njit
def outputs(m, step, y, column, down, right):
    numba_winograd_tile.outputs(
        m, column, step, y, column, ROW * column, column, down, right
    )


@njit
def grads(dy, column, z, step):
    numba_winograd_tile.grads(dy, column, ROW * column, column, z, 2 * column, step)


def vectors(count, dtype, seed=0):
    lanes = lanes_of(np.dtype(dtype))
    x = np.random.default_rng(seed).integers(-9, 9, (count, lanes))
    return x.astype(dtype)


def entries(x, size):
    """Return the entries (i, j, lane) that begin at the second vector."""
    return np.array([x[1 + ROW * i : 1 + ROW * i + size] for i in range(size)])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("loop", "size", "matrix"), [(inputs, 4, B_T), (grads, 2, A_T.T)]
)
def test_factors(loop, size, matrix, dtype):
    x, made = (
        vectors(40, dtype),
        np.full((3 + STEP * 16, lanes_of(np.dtype(dtype))), 99.0, dtype),
    )
    before = made.copy()
    loop(x.reshape(-1), x.shape[1], made.reshape(-1), STEP * x.shape[1])
    desired = np.einsum("pi,ijl,qj->pql", matrix, entries(x, size), matrix)
    before[2 : 2 + STEP * 16 : STEP] = desired.reshape(16, -1)
    np.testing.assert_array_equal(made, before)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("down", "right"), [(2, 2), (1, 2), (2, 1), (1, 1), (7, 9)])
def test_outputs(down, right, dtype):
    m = vectors(1 + STEP * 16, dtype)
    y = np.full((20, m.shape[1]), 99.0, dtype)
    desired = y.copy()
    products = m[1 : 1 + STEP * 16 : STEP].reshape(4, 4, -1)
    whole = np.einsum("ip,pql,jq->ijl", A_T, products, A_T)
    for i in range(min(down, 2)):
        for j in range(min(right, 2)):
            desired[1 + ROW * i + j] = whole[i, j]
    outputs(m.reshape(-1), STEP * m.shape[1], y.reshape(-1), m.shape[1], down, right)
    np.testing.assert_array_equal(y, desired)
