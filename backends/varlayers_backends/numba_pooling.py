"""Compiled max pooling of NumPy arrays: every window once, channel by channel.

    forward                              backward
    y = maxₘ x_m, index = its first m    dx_m += dy where m = index

Windows have up to three axes, filled up in front with axes of one entry. Threads take
an example at a time (`numba_fork`): no two windows of different examples meet.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from varlayers.types import Shape
from varlayers.windows import Window, out_space
from varlayers_backends import numba_threads
from varlayers_backends.numba_fork import fork
from varlayers_backends.numba_math import inner, kernel
from varlayers_backends.numpy_buffers import empty, zeros

__all__ = ["knows", "max_pool", "max_pool_backward"]

_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
_MANY = 1 << 14  # entries from which other threads are asked for help


class _Pool(NamedTuple):
    """A window along three axes."""

    space: tuple[int, int, int]
    out: tuple[int, int, int]
    sizes: tuple[int, int, int]
    strides: tuple[int, int, int]
    dilations: tuple[int, int, int]
    lows: tuple[int, int, int]


def knows(x: Any, filter_shape: Shape) -> bool:
    """Whether the loops are for such an array: plain, not empty, at most three axes."""
    return (
        type(x) is np.ndarray
        and x.dtype in _FLOATS
        and len(filter_shape) <= 3
        and math.prod(filter_shape) <= 256
        and x.size > 0
    )


def max_pool(x: Any, filter_shape: Shape, window: Window) -> tuple[Any, Any]:
    """Return `Kernels.max_pool`."""
    pool = _pool(x.shape[1:-1], filter_shape, window)
    out = out_space(x.shape[1:-1], filter_shape, window)
    y = empty((len(x), *out, x.shape[-1]), x.dtype)
    index = empty(y.shape, np.uint8)
    _forward(_team(x), *(_deep(a, a.shape) for a in (x, y, index)), pool)
    return y, index


def max_pool_backward(
    dy: Any, index: Any, x_shape: Shape, filter_shape: Shape, window: Window
) -> Any:
    """Return `Kernels.max_pool_backward`."""
    dx = zeros(x_shape, dy.dtype)
    pool = _pool(x_shape[1:-1], filter_shape, window)
    _backward(_team(dx), *(_deep(a, a.shape) for a in (dy, index, dx)), pool)
    return dx


def _pool(space: Shape, filter_shape: Shape, window: Window) -> _Pool:
    more = 3 - len(space)
    numbers = (space, out_space(space, filter_shape, window), filter_shape)
    rows: list[Any] = [
        (1,) * more + tuple(row) for row in (*numbers, window.strides, window.dilations)
    ]
    rows.append((0,) * more + tuple(low for low, _ in window.pads))
    return _Pool(*rows)


def _deep(x: Any, shape: Shape) -> Any:
    """Return x as (n, d, h, w, c), or a copy where it is strided."""
    x = x if x.flags.carray else np.array(x, order="C")
    return x.reshape(shape[0], *(1,) * (5 - len(shape)), *shape[1:])


def _team(x: Any) -> Any:
    return numba_threads.ALONE if x.size < _MANY else numba_threads.team()


@kernel
def _forward(team: Any, x: Any, y: Any, index: Any, pool: Any) -> None:
    fork(team, _forward_examples, (x, y, index), (pool,), x.shape[0], 1)


@inner
def _forward_examples(start: int, x: Any, y: Any, index: Any, pool: Any) -> None:
    least, count = x.dtype.type(-math.inf), x.shape[4]
    for n in range(x.shape[0]):
        for i in range(pool.out[0]):
            for j in range(pool.out[1]):
                for k in range(pool.out[2]):
                    best, chosen = y[n, i, j, k], index[n, i, j, k]
                    for c in range(count):
                        best[c], chosen[c] = least, 0
                    m = np.uint8(0)
                    for p in range(pool.sizes[0]):
                        d = _place(pool, 0, i, p)
                        for q in range(pool.sizes[1]):
                            h = _place(pool, 1, j, q)
                            for r in range(pool.sizes[2]):
                                w = _place(pool, 2, k, r)
                                if d >= 0 and h >= 0 and w >= 0:
                                    _improve(x[n, d, h, w], best, chosen, m)
                                m = np.uint8(m + np.uint8(1))


@inner
def _place(pool: Any, axis: int, i: int, m: int) -> int:
    """Return where output i sees offset m along an axis, or -1 outside of x."""
    at = i * pool.strides[axis] + m * pool.dilations[axis] - pool.lows[axis]
    return at if at < pool.space[axis] else -1


@inner
def _improve(seen: Any, best: Any, chosen: Any, m: int) -> None:
    for c in range(seen.shape[0]):
        better = seen[c] > best[c]
        chosen[c] = m if better else chosen[c]
        best[c] = seen[c] if better or seen[c] != seen[c] else best[c]


@kernel
def _backward(team: Any, dy: Any, index: Any, dx: Any, pool: Any) -> None:
    fork(team, _backward_examples, (dy, index, dx), (pool,), dy.shape[0], 1)


@inner
def _backward_examples(start: int, dy: Any, index: Any, dx: Any, pool: Any) -> None:
    for n in range(dy.shape[0]):
        for i in range(pool.out[0]):
            for j in range(pool.out[1]):
                for k in range(pool.out[2]):
                    given, chosen = dy[n, i, j, k], index[n, i, j, k]
                    m = np.uint8(0)
                    for p in range(pool.sizes[0]):
                        d = _place(pool, 0, i, p)
                        for q in range(pool.sizes[1]):
                            h = _place(pool, 1, j, q)
                            for r in range(pool.sizes[2]):
                                w = _place(pool, 2, k, r)
                                if d >= 0 and h >= 0 and w >= 0:
                                    _give(given, chosen, m, dx[n, d, h, w])
                                m = np.uint8(m + np.uint8(1))


@inner
def _give(given: Any, chosen: Any, m: int, dx: Any) -> None:
    zero = given.dtype.type(0)
    for c in range(given.shape[0]):
        dx[c] += given[c] if chosen[c] == m else zero
