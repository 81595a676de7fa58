"""Sums over windows of NumPy arrays, and up-sampling: a few examples at a time.

What `varlayers.pooling_kernels` says, axis by axis, in place, in arrays that stay in
the cache. Axes shrink from the first on and grow from the last on: so the passes over
the larger arrays have the longer rows. Nothing is padded: with m d - low = t s + p,
offset m joins those entries i that lie inside of x,

    forward    y[i] += x[(i + t) s + p]     adjoint    dx[(i + t) s + p] += dy[i]

where the p-th phase of dx is the target of its own offsets alone.

Linear up-sampling makes the phases low = p < s / 2 and high = s - 1 - p at once, whose
neighbors lie on both sides. With f = ½ - (p + ½) / s, and j stopped at the edges,

    forward                                adjoint, added up over p
    own, near = (1 - f) x, f x             dx[j] += (1 - f) (dy_low[j] + dy_high[j])
    y_low[j] = own[j] + near[j - 1]        dx[j - 1] += f dy_low[j]
    y_high[j] = own[j] + near[j + 1]       dx[j + 1] += f dy_high[j]

and the phase in the middle of an odd s is x.
"""

import math
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from varlayers.types import Shape
from varlayers.windows import Window, out_space
from varlayers_backends.numpy_buffers import empty

__all__ = ["BLOCK", "sum_pool", "sum_pool_adjoint", "up_linear", "up_linear_adjoint"]

BLOCK = 1 << 19  # bytes of the larger array


def sum_pool(x: Any, filter_shape: Shape, window: Window) -> Any:
    """Return `Kernels.sum_pool`."""
    out = out_space(x.shape[1:-1], filter_shape, window)
    y = empty((len(x), *out, x.shape[-1]), x.dtype)
    plans = []
    for axis, (count, stride) in enumerate(zip(out, window.strides, strict=True), 1):
        meetings = _meetings(axis, x.shape[axis], count, filter_shape, window)
        plans.append(_ordered((i, _steps(j, p, stride)) for p, i, j in meetings))
    for examples in _groups(x):
        part = x[examples]
        for axis, (count, joined) in enumerate(zip(out, plans, strict=True), 1):
            last = axis == len(out)
            sums = y[examples] if last else _resized(part, axis, count)
            _add_up(sums, part, axis, joined)
            part = sums
    return y


def sum_pool_adjoint(
    dy: Any, x_shape: Shape, filter_shape: Shape, window: Window
) -> Any:
    """Return `Kernels.sum_pool_adjoint`."""
    dx = empty(x_shape, dy.dtype)
    plans = []
    for axis, stride in enumerate(window.strides, 1):
        shape = x_shape[axis], dy.shape[axis]
        meetings = list(_meetings(axis, *shape, filter_shape, window))
        plans.append(
            [
                _ordered((j, i) for phase, i, j in meetings if phase == p)
                for p in range(stride)
            ]
        )
    for examples in _groups(dx):
        part = dy[examples]
        for axis in range(len(plans), 0, -1):
            last, stride = axis == 1, window.strides[axis - 1]
            spread = dx[examples] if last else _resized(part, axis, x_shape[axis])
            for p, joined in enumerate(plans[axis - 1]):
                phase = _cut(spread, axis, slice(p, None, stride))
                _add_up(phase, part, axis, joined)
            part = spread
    return dx


def up_linear(x: Any, sizes: Shape) -> Any:
    """Return `Kernels.up_linear`."""
    space = (n * size for n, size in zip(x.shape[1:-1], sizes, strict=True))
    y = empty((len(x), *space, x.shape[-1]), x.dtype)
    for examples in _groups(y):
        part = x[examples]
        for axis in range(len(sizes), 0, -1):
            size = sizes[axis - 1]
            length = part.shape[axis] * size
            longer = y[examples] if axis == 1 else _resized(part, axis, length)
            _interpolate(*_phases(part, longer, axis, size))
            part = longer
    return y


def up_linear_adjoint(dy: Any, sizes: Shape) -> Any:
    """Return `Kernels.up_linear_adjoint`."""
    space = (n // size for n, size in zip(dy.shape[1:-1], sizes, strict=True))
    dx = empty((len(dy), *space, dy.shape[-1]), dy.dtype)
    for examples in _groups(dy):
        part = dy[examples]
        for axis, size in enumerate(sizes, 1):
            last, length = axis == len(sizes), part.shape[axis] // size
            shorter = dx[examples] if last else _resized(part, axis, length)
            _interpolate_adjoint(*_phases(shorter, part, axis, size))
            part = shorter
    return dx


_Join: TypeAlias = tuple[slice, slice]  # entries of the target, and those of its terms


class _Meeting(NamedTuple):
    """One offset along one axis: entries i of y meet entries j of x's p-th phase."""

    p: int
    i: slice
    j: slice


def _meetings(
    axis: int, length: int, count: int, filter_shape: Shape, window: Window
) -> Iterator[_Meeting]:
    """Yield what each offset meets, for x of this length and y of `count` entries."""
    stride, dilation = window.strides[axis - 1], window.dilations[axis - 1]
    for m in range(filter_shape[axis - 1]):
        t, p = divmod(m * dilation - window.pads[axis - 1][0], stride)
        first, stop = max(0, -t), min(count, -(-(length - p) // stride) - t)
        if first < stop:
            yield _Meeting(p, slice(first, stop), slice(first + t, stop + t))


def _steps(j: slice, p: int, stride: int) -> slice:
    """Return the entries j of the p-th phase, as entries of the whole."""
    return slice(j.start * stride + p, (j.stop - 1) * stride + p + 1, stride)


def _ordered(joined: Iterable[_Join]) -> list[_Join]:
    """Return those that join, the longest first."""
    return sorted(joined, key=lambda pair: pair[0].start - pair[0].stop)


def _add_up(target: Any, terms: Any, axis: int, joined: list[_Join]) -> None:
    """Store in the target the sum of what joins it, and 0 where nothing does."""
    (where, met), *rest = joined or [(slice(0, 0), slice(0, 0))]
    _cut(target, axis, slice(where.start))[...] = 0
    _cut(target, axis, slice(where.stop, None))[...] = 0
    sums, first = _cut(target, axis, where), _cut(terms, axis, met)
    if rest and rest[0][0] == where:
        np.add(first, _cut(terms, axis, rest.pop(0)[1]), out=sums)
    else:
        np.copyto(sums, first)
    for into, met in rest:
        sums = _cut(target, axis, into)
        sums += _cut(terms, axis, met)


def _interpolate(x: Any, phases: Any) -> None:
    """Store the phases of x interpolated."""
    size = phases.shape[2]
    own, near = (empty(x.shape, x.dtype) for _ in range(2))
    for p in range(size // 2):
        f = 0.5 - (p + 0.5) / size
        np.multiply(x, 1 - f, out=own)
        np.multiply(x, f, out=near)
        low, high = phases[:, :, p], phases[:, :, -1 - p]
        np.add(own[:, 1:], near[:, :-1], out=low[:, 1:])
        np.add(own[:, :1], near[:, :1], out=low[:, :1])
        np.add(own[:, :-1], near[:, 1:], out=high[:, :-1])
        np.add(own[:, -1:], near[:, -1:], out=high[:, -1:])
    if size % 2:
        np.copyto(phases[:, :, size // 2], x)


def _interpolate_adjoint(dx: Any, phases: Any) -> None:
    """Store in dx the adjoint of `_interpolate` for these phases of dy."""
    size = phases.shape[2]
    np.copyto(dx, phases[:, :, size // 2] if size % 2 else 0)
    part = empty(dx.shape, dx.dtype)
    for p in range(size // 2):
        f = 0.5 - (p + 0.5) / size
        low, high = phases[:, :, p], phases[:, :, -1 - p]
        np.add(low, high, out=part)
        part *= 1 - f
        dx += part
        np.multiply(low, f, out=part)
        dx[:, :-1] += part[:, 1:]
        dx[:, :1] += part[:, :1]
        np.multiply(high, f, out=part)
        dx[:, 1:] += part[:, :-1]
        dx[:, -1:] += part[:, -1:]


def _phases(x: Any, y: Any, axis: int, size: int) -> tuple[Any, Any]:
    """Return x as (before, n, after), and y, longer by `size`, as its phases."""
    before, after = math.prod(x.shape[:axis]), math.prod(x.shape[axis + 1 :])
    n = x.shape[axis]
    return x.reshape(before, n, after), y.reshape(before, n, size, after)


def _cut(x: Any, axis: int, where: slice) -> Any:
    """Return a slice of x along one axis."""
    return x[(*[slice(None)] * axis, where)]


def _resized(x: Any, axis: int, length: int) -> Any:
    """Return memory for x with another length along one axis."""
    return empty((*x.shape[:axis], length, *x.shape[axis + 1 :]), x.dtype)


def _groups(x: Any) -> list[slice]:
    """Return groups of examples of at most `BLOCK` bytes each, or of one."""
    count = max(1, BLOCK // max(1, x[:1].nbytes))
    return [slice(i, i + count) for i in range(0, len(x), count)]
