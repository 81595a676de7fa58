"""Max pooling of NumPy arrays: a few examples at a time, without a choice by element.

    forward                        backward, in the bits of dy
    better = x_m > y               mask = -(index = m)        all ones, or 0
    y      = max(y, x_m)           dx_m = dy & mask
    index  = max(index, m better)

NumPy has vector instructions for each of these, but not for `where`. The offsets m
rise, so the larger one is the later. Windows that do not overlap write dx_m where it
belongs; others add it there.
"""

import math
from typing import Any

import numpy as np

from varlayers.types import Shape
from varlayers.windows import Window, out_space, span_of
from varlayers_backends.numpy_buffers import empty, zeros
from varlayers_backends.numpy_patches import Pads, meetings

__all__ = ["BLOCK", "knows", "max_pool", "max_pool_backward"]

BLOCK = 1 << 20  # bytes of x; from half to twice as large are as fast

_BITS = {np.dtype(np.float32): np.int32, np.dtype(np.float64): np.int64}


def knows(x: Any, filter_shape: Shape) -> bool:
    """Whether the index fits a byte, and x is float32 or float64."""
    return math.prod(filter_shape) <= 256 and x.dtype in _BITS


def max_pool(x: Any, filter_shape: Shape, window: Window) -> tuple[Any, Any]:
    """Return `Kernels.max_pool`."""
    out = out_space(x.shape[1:-1], filter_shape, window)
    y = empty((len(x), *out, x.shape[-1]), x.dtype)
    index = zeros(y.shape, np.uint8)
    padded, pads = any(map(any, window.pads)), Pads.of(x.shape[1:-1], window)
    groups = _groups(x.shape, x.itemsize)
    offset = np.empty((_most(groups), *y.shape[1:]), np.uint8)
    for examples in groups:
        group, top, chosen = x[examples], y[examples], index[examples]
        later = offset[: len(group)]
        if padded:
            group = pads.padded(group, -np.inf)
        first, *rest = (group[where] for where in meetings(filter_shape, out, window))
        np.copyto(top, first)
        for m, part in enumerate(rest, 1):
            np.greater(part, top, out=later.view(bool))
            np.maximum(part, top, out=top)
            np.multiply(later, np.uint8(m), out=later)
            np.maximum(chosen, later, out=chosen)
    return y, index


def max_pool_backward(
    dy: Any, index: Any, x_shape: Shape, filter_shape: Shape, window: Window
) -> Any:
    """Return `Kernels.max_pool_backward`."""
    out, bits = dy.shape[1:-1], _BITS[dy.dtype]
    dx = zeros(x_shape, dy.dtype)
    padded, pads = any(map(any, window.pads)), Pads.of(x_shape[1:-1], window)
    groups = _groups(x_shape, dy.itemsize)
    wide = np.empty((_most(groups), *dy.shape[1:]), bits)
    narrow = np.empty(wide.shape, np.int8)
    apart = _is_apart(filter_shape, window)
    for examples in groups:
        given, chosen = dy[examples].view(bits), index[examples]
        mask, small = wide[: len(given)], narrow[: len(given)]
        group = pads.padded(dx[examples], 0.0) if padded else dx[examples]
        for m, where in enumerate(meetings(filter_shape, out, window)):
            part = group[where]
            np.equal(chosen, np.uint8(m), out=small.view(bool))
            np.copyto(mask, np.negative(small, out=small))
            if apart:
                np.bitwise_and(mask, given, out=part.view(bits))
            else:
                np.bitwise_and(mask, given, out=mask)
                np.add(part, mask.view(dy.dtype), out=part)
        if padded:
            dx[examples][pads.kept] = group[pads.inside]
    return dx


def _groups(x_shape: Shape, itemsize: int) -> list[slice]:
    """Return groups of examples of at most `BLOCK` bytes each, or of one."""
    count = max(1, BLOCK // max(1, math.prod(x_shape[1:]) * itemsize))
    return [slice(i, min(i + count, x_shape[0])) for i in range(0, x_shape[0], count)]


def _most(groups: list[slice]) -> int:
    return max((group.stop - group.start for group in groups), default=0)


def _is_apart(filter_shape: Shape, window: Window) -> bool:
    """Whether no two windows share an entry."""
    return all(
        span_of(size, dilation) <= stride
        for size, stride, dilation in zip(filter_shape, *window[:2], strict=True)
    )
