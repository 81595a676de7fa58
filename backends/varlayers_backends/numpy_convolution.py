"""Convolutions of NumPy arrays: patches gathered into a block, then one matrix product.

A patch is what one output sees, (*filter, c) in a row. The patches of a few examples,
or of a part of one, are copied into a buffer of at most `BLOCK` bytes, which stays in
the cache until the product has read it:

    conv         y    = patches(x) w
    adjoint_w    dw   = Σ patches(x)ᵀ dy      over the blocks
    adjoint_x    dx_p = patches(dy) w_p       for every phase p < s of every axis

An entry dx[j] with j + low = t s + p meets only the filter's offsets m d = q s + p. So
dx is a convolution of dy, without a stride, to s times as many channels, one set for
each phase, which are then put side by side; nothing is added up in place.

Memory beside arguments and result: a block, the padded input of a block, and in
adjoint_x for a stride above 1 a copy of the result with its edges. That is a constant,
and at most once the result, whatever the filter.

Reference: Chellapilla, Puri & Simard (2006), "High performance convolutional neural
networks for document processing".
"""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from varlayers.types import Shape
from varlayers.windows import Window, out_space, span_of

__all__ = ["BLOCK", "adjoint_w", "adjoint_x", "conv"]

BLOCK = 1 << 21  # bytes; from half to twice as large are as fast


def conv(x: Any, w: Any, window: Window) -> Any:
    """Return `Kernels.conv` for one group."""
    out = out_space(x.shape[1:-1], w.shape[:-2], window)
    y = np.empty((x.shape[0], *out, w.shape[-1]), x.dtype)
    taps = w.reshape(-1, w.shape[-1])
    for where, patches in _blocks(x, w.shape[:-2], window):
        np.matmul(patches, taps, out=y[where].reshape(-1, w.shape[-1]))
    return y


def adjoint_w(x: Any, dy: Any, w_shape: Shape, window: Window) -> Any:
    """Return `Kernels.conv_adjoint_w` for one group."""
    dw = np.zeros((math.prod(w_shape[:-1]), w_shape[-1]), x.dtype)
    part = np.empty_like(dw)
    for where, patches in _blocks(x, w_shape[:-2], window):
        np.matmul(patches.T, dy[where].reshape(-1, w_shape[-1]), out=part)
        np.add(dw, part, out=dw)
    return dw.reshape(w_shape)


def adjoint_x(dy: Any, w: Any, x_shape: Shape, window: Window) -> Any:
    """Return `Kernels.conv_adjoint_x` for one group."""
    *space, channels = x_shape[1:]
    taps, dilations = _phases(w, window)
    pads, starts, counts = [], [], []
    for axis, (n, stride, (low, _)) in enumerate(
        zip(space, window.strides, window.pads, strict=True)
    ):
        first, last = low // stride, (low + n - 1) // stride
        reach = span_of(taps.shape[axis], dilations[axis]) - 1
        count = last - first + 1
        pads.append((reach - first, count - dy.shape[axis + 1] + first))
        starts.append(low - first * stride)
        counts.append(count)
    ones = (1,) * len(space)
    dx = conv(dy, taps, Window(ones, dilations, tuple(pads)))
    if window.strides == ones:
        return dx
    dx = _side_by_side(dx.reshape(len(dy), *counts, *window.strides, channels))
    cuts = (slice(start, start + n) for start, n in zip(starts, space, strict=True))
    return np.ascontiguousarray(dx[(slice(None), *cuts)])


def _phases(w: Any, window: Window) -> tuple[Any, Shape]:
    """Return the weight (*Q, o, *strides, c), flat from *strides on, and its dilations.

    Its tap q reversed has, for phase p, the weight of offset q s + p, or 0. An axis
    without a stride has one phase and keeps its dilation.
    """
    rank = len(window.strides)
    for axis, (stride, dilation) in enumerate(
        zip(window.strides, window.dilations, strict=True)
    ):
        size = w.shape[2 * axis]
        split: tuple[int, int] = (size, 1)
        if stride > 1:
            taps = -(-span_of(size, dilation) // stride)
            shape = (*w.shape[: 2 * axis], taps * stride, *w.shape[2 * axis + 1 :])
            dense = np.zeros(shape, w.dtype)
            dense[
                (slice(None),) * (2 * axis) + (slice(0, size * dilation, dilation),)
            ] = w
            w, split = dense, (taps, stride)
        w = w.reshape(*w.shape[: 2 * axis], *split, *w.shape[2 * axis + 1 :])
    w = np.flip(w, axis=tuple(range(0, 2 * rank, 2)))
    order = (*range(0, 2 * rank, 2), 2 * rank + 1, *range(1, 2 * rank, 2), 2 * rank)
    w = np.ascontiguousarray(w.transpose(order))
    dilations = tuple(
        d if s == 1 else 1
        for s, d in zip(window.strides, window.dilations, strict=True)
    )
    return w.reshape(*w.shape[: rank + 1], -1), dilations


def _side_by_side(dx: Any) -> Any:
    """Return (n, *counts, *strides, c) as (n, *(counts strides), c)."""
    rank = (dx.ndim - 2) // 2
    pairs = [axis for i in range(1, rank + 1) for axis in (i, rank + i)]
    lengths = [dx.shape[i] * dx.shape[rank + i] for i in range(1, rank + 1)]
    mixed = dx.transpose(0, *pairs, dx.ndim - 1)
    return mixed.reshape(dx.shape[0], *lengths, dx.shape[-1])


class _Sizes(NamedTuple):
    """How many examples, and positions along the first axis, a block has."""

    examples: int
    positions: int


def _blocks(x: Any, filter_shape: Shape, window: Window) -> Iterator[tuple[Any, Any]]:
    """Yield a part of the outputs, and its patches, in a buffer reused by the next."""
    out = out_space(x.shape[1:-1], filter_shape, window)
    width = math.prod(filter_shape) * x.shape[-1]
    sizes = _sizes(x, out, width)
    buffer = np.empty(math.prod(sizes) * math.prod(out[1:]) * width, x.dtype)
    for examples, padded in _padded(x, window, sizes.examples):
        every = _patches(padded, filter_shape, out, window)
        for start in range(0, out[0], sizes.positions):
            part = every[:, start : start + sizes.positions]
            block = buffer[: part.size].reshape(part.shape)
            np.copyto(block, part)
            rows = slice(start, start + part.shape[1])
            yield (examples, rows), block.reshape(-1, width)


def _sizes(x: Any, out: Shape, width: int) -> _Sizes:
    """Return blocks of at most `BLOCK` bytes, or one position, all about as large."""
    position = max(1, math.prod(out[1:]) * width * x.itemsize)
    parts = -(-out[0] // max(1, BLOCK // position))
    examples = max(1, min(len(x), BLOCK // (position * out[0])))
    return _Sizes(examples, -(-out[0] // parts))


def _padded(x: Any, window: Window, count: int) -> Iterator[tuple[slice, Any]]:
    """Yield examples of x, padded or cut, in a buffer reused by the next."""
    lengths = [n + sum(p) for n, p in zip(x.shape[1:-1], window.pads, strict=True)]
    buffer = np.zeros((count, *lengths, x.shape[-1]), x.dtype)
    inside, kept = [], []
    for n, (low, high) in zip(x.shape[1:-1], window.pads, strict=True):
        kept.append(slice(max(-low, 0), n - max(-high, 0)))
        inside.append(slice(max(low, 0), n + low + min(high, 0)))
    for start in range(0, len(x), count):
        part = x[(slice(start, start + count), *kept)]
        padded = buffer[: len(part)]
        padded[(slice(None), *inside)] = part
        yield slice(start, start + len(part)), padded


def _patches(x: Any, filter_shape: Shape, out: Shape, window: Window) -> Any:
    """Return a view (n, *out, *filter, c) of padded x."""
    steps = x.strides[1:-1]
    return as_strided(
        x,
        (len(x), *out, *filter_shape, x.shape[-1]),
        (
            x.strides[0],
            *(step * s for step, s in zip(steps, window.strides, strict=True)),
            *(step * d for step, d in zip(steps, window.dilations, strict=True)),
            x.strides[-1],
        ),
        writeable=False,
    )
