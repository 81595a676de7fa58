"""Convolutions of NumPy arrays: one matrix product for each block of patches.

    conv         y    = patches(x) w
    adjoint_w    dw   = Σ patches(x)ᵀ dy      over the blocks
    adjoint_x    dx   = conv of dy, without a stride      (`way_back`)

With signs r and s, one for each example b and channel, the weight of b is W_b below,
and the same blocks serve:

    flipped      y_b  = patches(x_b) W_b      W_b = loc + Δ ∘ r_b s_bᵀ
    by loc, Δ    dloc = Σ dW_b                dΔ = Σ dW_b ∘ r_b s_bᵀ
                 dW_b = patches(x_b)ᵀ dy_b
    moments      m    = patches(x) loc        v = patches(x)² var

Memory beside arguments and result: a block of patches and its padded input
(`numpy_patches`), the weights of its examples, and in adjoint_x for a stride above 1 a
copy of the result with its edges. That is a constant, and at most once the result,
whatever the filter.
"""

import math
from typing import Any

import numpy as np

from varlayers.types import FlippedWeight, Shape
from varlayers.windows import Window, out_space, span_of
from varlayers_backends.numpy_buffers import empty
from varlayers_backends.numpy_patches import blocks_of
from varlayers_backends.way_back import WayBack, way_back

__all__ = [
    "adjoint_w",
    "adjoint_x",
    "conv",
    "flipped",
    "flipped_adjoint_w",
    "flipped_adjoint_x",
    "moments",
    "moments_adjoint_w",
]


def conv(x: Any, w: Any, window: Window) -> Any:
    """Return `Kernels.conv` for one group."""
    y, taps = _outputs(x, w, window), _matrix(w)
    for examples, parts in blocks_of(x, w.shape[:-2], window):
        for rows, patches in parts:
            np.matmul(patches, taps, out=_rows(y, examples, rows))
    return y


def adjoint_w(x: Any, dy: Any, w_shape: Shape, window: Window) -> Any:
    """Return `Kernels.conv_adjoint_w` for one group."""
    dw = np.zeros((math.prod(w_shape[:-1]), w_shape[-1]), x.dtype)
    part = np.empty_like(dw)
    for examples, parts in blocks_of(x, w_shape[:-2], window):
        for rows, patches in parts:
            dw += np.matmul(patches.T, _rows(dy, examples, rows), out=part)
    return dw.reshape(w_shape)


def adjoint_x(
    dy: Any, w: Any, x_shape: Shape, window: Window, convolve: Any = conv
) -> Any:
    """Return `Kernels.conv_adjoint_x` for one group, by a convolution as `conv`."""
    back = way_back(dy.shape[1:-1], w.shape, x_shape, window)
    return _side_by_side(convolve(dy, _phases(w, window), back.window), x_shape, back)


def flipped(x: Any, w: FlippedWeight, window: Window) -> Any:
    """Return `Kernels.conv_flipped` for one group and signs per channel."""
    y, out = _outputs(x, w.loc, window), w.loc.shape[-1]
    for examples, parts in blocks_of(x, w.loc.shape[:-2], window, w.loc.nbytes):
        weights = _weights(w, _signs(w, examples))
        for rows, patches in parts:
            np.matmul(
                patches.reshape(len(weights), -1, weights.shape[1]),
                weights,
                out=_rows(y, examples, rows).reshape(len(weights), -1, out),
            )
    return y


def flipped_adjoint_x(
    dy: Any, w: FlippedWeight, x_shape: Shape, window: Window, convolve: Any = flipped
) -> Any:
    """Return `Kernels.conv_flipped_adjoint_x` for one group and signs per channel.

    By a convolution as `flipped`.
    """
    back = way_back(dy.shape[1:-1], w.loc.shape, x_shape, window)
    signs = np.tile(w.r, math.prod(window.strides))
    w = FlippedWeight(_phases(w.loc, window), _phases(w.delta, window), w.s, signs)
    return _side_by_side(convolve(dy, w, back.window), x_shape, back)


def flipped_adjoint_w(
    x: Any, dy: Any, w: FlippedWeight, window: Window
) -> tuple[Any, Any]:
    """Return `Kernels.conv_flipped_adjoint_w` for one group and signs per channel."""
    shape, out = w.loc.shape, w.loc.shape[-1]
    dloc, ddelta = (np.zeros(shape, x.dtype) for _ in range(2))
    for examples, parts in blocks_of(x, shape[:-2], window, w.loc.nbytes):
        signs = _signs(w, examples)
        dw = np.zeros((len(signs), math.prod(shape[:-1]), out), x.dtype)
        for rows, patches in parts:
            seen = patches.reshape(len(signs), -1, dw.shape[1]).swapaxes(1, 2)
            dw += np.matmul(
                seen, _rows(dy, examples, rows).reshape(len(signs), -1, out)
            )
        dw = dw.reshape(len(signs), *shape)
        dloc += dw.sum(axis=0)
        dw *= signs
        ddelta += dw.sum(axis=0)
    return dloc, ddelta


def moments(x: Any, loc: Any, var: Any, window: Window) -> tuple[Any, Any]:
    """Return `Kernels.conv_moments` for one group."""
    (m, v), taps = (_outputs(x, loc, window) for _ in range(2)), _matrix(loc)
    for examples, parts in blocks_of(x, loc.shape[:-2], window):
        for rows, patches in parts:
            np.matmul(patches, taps, out=_rows(m, examples, rows))
            patches *= patches
            np.matmul(patches, _matrix(var), out=_rows(v, examples, rows))
    return m, v


def moments_adjoint_w(
    x: Any, grads: tuple[Any, Any], w_shape: Shape, window: Window
) -> tuple[Any, Any]:
    """Return `Kernels.conv_moments_adjoint_w` for one group."""
    dloc, dvar, part = (
        np.zeros((math.prod(w_shape[:-1]), w_shape[-1]), x.dtype) for _ in range(3)
    )
    for examples, parts in blocks_of(x, w_shape[:-2], window):
        for rows, patches in parts:
            dm, dv = (_rows(each, examples, rows) for each in grads)
            dloc += np.matmul(patches.T, dm, out=part)
            patches *= patches
            dvar += np.matmul(patches.T, dv, out=part)
    return dloc.reshape(w_shape), dvar.reshape(w_shape)


def _outputs(x: Any, w: Any, window: Window) -> Any:
    out = out_space(x.shape[1:-1], w.shape[:-2], window)
    return empty((x.shape[0], *out, w.shape[-1]), x.dtype)


def _matrix(w: Any) -> Any:
    """Return the weight (*filter, c, o) as (patch, o)."""
    return w.reshape(-1, w.shape[-1])


def _rows(y: Any, examples: slice, rows: slice) -> Any:
    """Return a part of y, one position in a row: a view where y is contiguous."""
    return y[examples, rows].reshape(-1, y.shape[-1])


def _signs(w: FlippedWeight, examples: slice) -> Any:
    """Return r_b s_bᵀ of these examples, (n, *1, c, o)."""
    r, s = (signs.reshape(len(signs), -1)[examples] for signs in (w.r, w.s))
    signs = r[:, :, None] * s[:, None, :]
    return signs.reshape(len(r), *(1,) * (w.loc.ndim - 2), *signs.shape[1:])


def _weights(w: FlippedWeight, signs: Any) -> Any:
    """Return loc + Δ ∘ r_b s_bᵀ, (n, patch, o)."""
    weights = w.delta * signs
    weights += w.loc
    return weights.reshape(len(signs), -1, w.loc.shape[-1])


def _phases(w: Any, window: Window) -> Any:
    """Return the weight (*Q, o, phases c) of the way back.

    Its tap q reversed has, for phase p, the weight of offset q s + p, or 0. An axis
    without a stride has one phase, and keeps its dilation.
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
    return w.reshape(*w.shape[: rank + 1], -1)


def _side_by_side(dx: Any, x_shape: Shape, back: WayBack) -> Any:
    """Return dx of this shape from (n, *counts, phases c)."""
    rank, strides = len(back.strides), back.strides
    if strides == (1,) * rank:
        return dx
    n, *space, channels = x_shape
    dx = dx.reshape(n, *back.counts, *strides, channels)
    pairs = [axis for i in range(1, rank + 1) for axis in (i, rank + i)]
    lengths = (count * s for count, s in zip(back.counts, strides, strict=True))
    mixed = dx.transpose(0, *pairs, dx.ndim - 1).reshape(n, *lengths, channels)
    cuts = (
        slice(start, start + size)
        for start, size in zip(back.starts, space, strict=True)
    )
    return np.ascontiguousarray(mixed[(slice(None), *cuts)])
