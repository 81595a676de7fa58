"""Sums over windows of NumPy arrays, and up-sampling: compiled products of matrices.

Along one axis each of them is a matrix of few entries, and its adjoint the transpose:

    sum_pool     y[i] += x[i s + m d - low]             for every offset m
    up_linear    y[j s + p] = (1 - |f|) x[j] + |f| x[j ± 1]      f = (p + ½) / s - ½

where j ± 1, on the side of f's sign, stops at the edges. A thread takes a few examples
through all axes: axes shrink from the first on and grow from the last on. The results
do not depend on the number of threads.

Memory beside argument and result: the parts at work, a few examples of each axis.
"""

import math
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from varlayers.types import Shape
from varlayers.windows import Window, out_space
from varlayers_backends import numba_threads
from varlayers_backends.numba_fork import fork
from varlayers_backends.numba_math import inner, kernel
from varlayers_backends.numpy_buffers import empty

__all__ = ["knows", "sum_pool", "sum_pool_adjoint", "up_linear", "up_linear_adjoint"]

_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
_CHANNELS = 16  # fewer are faster with NumPy
_PART = 1 << 18  # bytes of the larger array that a thread takes at a time
_MANY = 1 << 17  # bytes from which other threads are asked for help

_Entry: TypeAlias = tuple[int, int, float]  # row, column, number


class _Matrix(NamedTuple):
    """A matrix by its entries, row by row: how many there are, columns and numbers."""

    counts: Any
    columns: Any
    numbers: Any


def knows(x: Any) -> bool:
    """Whether the loops are for this array, and its channels make long enough runs."""
    return (
        type(x) is np.ndarray
        and x.dtype in _FLOATS
        and x.size > 0
        and x.shape[-1] >= _CHANNELS
    )


def sum_pool(x: Any, filter_shape: Shape, window: Window) -> Any:
    """Return `Kernels.sum_pool`."""
    out = out_space(x.shape[1:-1], filter_shape, window)
    return _product(x, _windows(x.shape[1:-1], out, filter_shape, window, False))


def sum_pool_adjoint(
    dy: Any, x_shape: Shape, filter_shape: Shape, window: Window
) -> Any:
    """Return `Kernels.sum_pool_adjoint`."""
    space, out = x_shape[1:-1], dy.shape[1:-1]
    return _product(dy, _windows(space, out, filter_shape, window, True))


def up_linear(x: Any, sizes: Shape) -> Any:
    """Return `Kernels.up_linear`."""
    axes = zip(x.shape[1:-1], sizes, strict=True)
    return _product(x, [_finer(*axis, False) for axis in axes])


def up_linear_adjoint(dy: Any, sizes: Shape) -> Any:
    """Return `Kernels.up_linear_adjoint`."""
    axes = zip(dy.shape[1:-1], sizes, strict=True)
    return _product(dy, [_finer(n // size, size, True) for n, size in axes])


def _windows(
    space: Shape, out: Shape, filter_shape: Shape, window: Window, adjoint: bool
) -> list[_Matrix]:
    lows = [low for low, _ in window.pads]
    axes = zip(space, out, filter_shape, *window[:2], lows, strict=True)
    return [_window(*axis, adjoint) for axis in axes]


@lru_cache
def _window(
    length: int,
    count: int,
    size: int,
    stride: int,
    dilation: int,
    low: int,
    adjoint: bool,
) -> _Matrix:
    """Return the matrix (count, length) of sums along one axis, or its transpose."""
    entries = (
        (i, i * stride + m * dilation - low, 1.0)
        for i in range(count)
        for m in range(size)
    )
    inside = (entry for entry in entries if 0 <= entry[1] < length)
    return _matrix(inside, length if adjoint else count, adjoint)


@lru_cache
def _finer(length: int, size: int, adjoint: bool) -> _Matrix:
    """Return the matrix of interpolation between `length` entries, or its transpose."""
    rows = length if adjoint else length * size
    return _matrix(_interpolated(length, size), rows, adjoint)


def _interpolated(length: int, size: int) -> Iterator[_Entry]:
    """Yield the entries of the matrix of interpolation."""
    for row in range(length * size):
        j, p = divmod(row, size)
        f = (p + 0.5) / size - 0.5
        yield row, j, 1 - abs(f)
        if f:
            neighbor = min(j + 1, length - 1) if f > 0 else max(j - 1, 0)
            yield row, neighbor, abs(f)


def _matrix(entries: Iterable[_Entry], rows: int, adjoint: bool) -> _Matrix:
    """Return the matrix of so many rows with these entries, or with them transposed."""
    by_row: list[list[tuple[int, float]]] = [[] for _ in range(rows)]
    for row, column, number in entries:
        if adjoint:
            row, column = column, row
        by_row[row].append((column, number))
    pairs = [pair for row_pairs in by_row for pair in row_pairs]
    return _Matrix(
        np.array(list(map(len, by_row))),
        np.array([column for column, _ in pairs], np.int64),
        np.array([number for _, number in pairs]),
    )


def _product(x: Any, matrices: list[_Matrix]) -> Any:
    """Return x multiplied along each of its spatial axes by a matrix."""
    lengths, shape = [len(matrix.counts) for matrix in matrices], list(x.shape)
    y = empty((len(x), *lengths, x.shape[-1]), x.dtype)
    axes, sizes = list(range(len(lengths))), []
    if y.size > x.size:
        axes.reverse()
    for axis in axes:
        before, (n, *after) = math.prod(shape[1 : axis + 1]), shape[axis + 1 :]
        sizes.append((before, n, lengths[axis], math.prod(after)))
        shape[axis + 1] = lengths[axis]
    counts, columns, numbers = (
        np.concatenate([matrices[axis][i] for axis in axes]) for i in range(3)
    )
    starts, larger = np.append(0, np.cumsum(counts)), max(x.nbytes, y.nbytes)
    failed = _multiply(
        numba_threads.ALONE if larger < _MANY else numba_threads.team(),
        (x if x.flags.carray else np.array(x, order="C")).reshape(len(x), -1),
        y.reshape(len(y), -1),
        *(np.array(sizes), starts, columns, numbers),
        max(1, _PART * len(x) // larger),
    )
    numba_threads.check_memory(failed)
    return y


@kernel
def _multiply(team: Any, x: Any, y: Any, *rest: Any) -> bool:
    """Store in y (examples, …) the products along all axes; return if one failed."""
    return fork(team, _axes, (x, y), rest[:4], x.shape[0], rest[4])


@inner
def _axes(
    start: int, x: Any, y: Any, sizes: Any, starts: Any, columns: Any, numbers: Any
) -> None:
    now, first = x.reshape(-1), 0
    for axis in range(len(sizes)):
        before, n, length, after = sizes[axis]
        rows = x.shape[0] * before
        if axis == len(sizes) - 1:
            then = y.reshape(-1)
        else:
            then = np.empty(rows * length * after, x.dtype)
        _along(
            now.reshape((rows, n, after)),
            then.reshape((rows, length, after)),
            starts[first:],
            columns,
            numbers,
        )
        now, first = then, first + length


@inner
def _along(x: Any, y: Any, starts: Any, columns: Any, numbers: Any) -> None:
    """Store in y the product of a matrix along the axis in the middle of x."""
    dtype = x.dtype.type
    for row in range(y.shape[0]):
        for i in range(y.shape[1]):
            out, k, stop = y[row, i], starts[i], starts[i + 1]
            if k == stop:
                out[:] = dtype(0)
            elif k + 1 == stop:
                a, one = dtype(numbers[k]), x[row, columns[k]]
                for j in range(out.shape[0]):
                    out[j] = a * one[j]
            else:
                a, one = dtype(numbers[k]), x[row, columns[k]]
                b, other = dtype(numbers[k + 1]), x[row, columns[k + 1]]
                for j in range(out.shape[0]):
                    out[j] = a * one[j] + b * other[j]
                for more in range(k + 2, stop):
                    a, one = dtype(numbers[more]), x[row, columns[more]]
                    for j in range(out.shape[0]):
                        out[j] += a * one[j]
