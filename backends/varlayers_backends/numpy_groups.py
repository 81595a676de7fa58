"""Convolutions of NumPy arrays whose channels are divided into groups.

Groups of several channels are convolved one after the other. Groups of one channel in,
a depthwise convolution, have no sum over channels for a matrix product; for every
offset m of the filter, with x_m the entries of x that it meets,

    conv         y += x_m ∘ w[m]        adjoint_x    dx_m += dy ∘ w[m]
    adjoint_w    dw[m] = Σ x_m ∘ dy

a few examples at a time, which stay in the cache for all offsets. With several channels
out of one, x_m and dx_m have an axis of length 1 for them.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from varlayers.types import Shape
from varlayers.windows import Window, out_space
from varlayers_backends import numpy_convolution
from varlayers_backends.numpy_buffers import zeros
from varlayers_backends.numpy_patches import Pads, meetings, padded_of

__all__ = ["adjoint_w", "adjoint_x", "conv"]

_BLOCK = 1 << 19  # bytes of the outputs at work; the inputs are about as many


def conv(x: Any, w: Any, window: Window) -> Any:
    """Return `Kernels.conv`."""
    if w.shape[-2] > 1:
        return _each_group(numpy_convolution.conv, x, w, window)
    out = out_space(x.shape[1:-1], w.shape[:-2], window)
    y = zeros((len(x), *out, x.shape[-1], w.shape[-1] // x.shape[-1]), x.dtype)
    taps = _taps(w, x.shape[-1])
    for examples, padded in padded_of(x, window, _count(y)):
        part, product = y[examples], np.empty_like(y[examples])
        for tap, where in zip(taps, meetings(w.shape[:-2], out, window), strict=True):
            part += np.multiply(padded[where][..., None], tap, out=product)
    return y.reshape(len(x), *out, w.shape[-1])


def adjoint_x(dy: Any, w: Any, x_shape: Shape, window: Window) -> Any:
    """Return `Kernels.conv_adjoint_x`."""
    if w.shape[-2] > 1:
        each = (*x_shape[:-1], x_shape[-1] // window.groups)
        return _each_group(numpy_convolution.adjoint_x, dy, w, window, each)
    n, *space, channels = x_shape
    out, dx = dy.shape[1:-1], zeros(x_shape, dy.dtype)
    dy = _by_group(dy, channels)
    pads = Pads.of(tuple(space), window)
    count, taps, alone = _count(dy), _taps(w, channels), dy.shape[-1] == 1
    for start in range(0, n, count):
        part = dy[start : start + count]
        product = np.empty_like(part)
        padded = np.zeros((len(part), *pads.lengths, channels), dy.dtype)
        for tap, where in zip(taps, meetings(w.shape[:-2], out, window), strict=True):
            np.multiply(part, tap, out=product)
            padded[where] += product[..., 0] if alone else product.sum(axis=-1)
        dx[start : start + count][pads.kept] = padded[pads.inside]
    return dx


def adjoint_w(x: Any, dy: Any, w_shape: Shape, window: Window) -> Any:
    """Return `Kernels.conv_adjoint_w`."""
    if w_shape[-2] > 1:
        each = (*w_shape[:-1], w_shape[-1] // window.groups)
        return _each_group(numpy_convolution.adjoint_w, x, dy, window, each)
    out, channels = dy.shape[1:-1], x.shape[-1]
    dy = _by_group(dy, channels)
    dw = np.zeros((math.prod(w_shape[:-2]), *dy.shape[-2:]), x.dtype)
    axes = tuple(range(len(out) + 1))
    for examples, padded in padded_of(x, window, _count(dy)):
        part, product = dy[examples], np.empty_like(dy[examples])
        for row, where in zip(dw, meetings(w_shape[:-2], out, window), strict=True):
            np.multiply(padded[where][..., None], part, out=product)
            row += product.sum(axis=axes)
    return dw.reshape(w_shape)


def _each_group(
    function: Callable[..., Any], one: Any, other: Any, window: Window, *shape: Shape
) -> Any:
    """Return what the function makes of every group's channels, side by side."""
    alone, groups = window._replace(groups=1), window.groups
    pairs = zip(_split(one, groups), _split(other, groups), strict=True)
    return np.concatenate([function(*pair, *shape, alone) for pair in pairs], axis=-1)


def _split(x: Any, groups: int) -> list[Any]:
    return np.split(x, groups, axis=-1)


def _by_group(y: Any, groups: int) -> Any:
    """Return y (…, o) as (…, groups, o / groups)."""
    return y.reshape(*y.shape[:-1], groups, y.shape[-1] // groups)


def _taps(w: Any, channels: int) -> Any:
    """Return the weight (*filter, 1, o), one (c, o / c) for each offset."""
    return w.reshape(math.prod(w.shape[:-1]), channels, w.shape[-1] // channels)


def _count(y: Any) -> int:
    """Return how many examples make a block."""
    return max(1, _BLOCK // max(1, y.nbytes // max(1, len(y))))
