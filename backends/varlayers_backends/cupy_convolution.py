"""Convolutions of CuPy arrays: matrix products of patches, gathered by a kernel.

    conv         y    = patches(x) w
    adjoint_w    dw   = Σ patches(x)ᵀ dy      over the blocks
    adjoint_x    dx   = conv of dy, without a stride      (`way_back`)

With signs r and s, one for each example b and channel, the weight of b is W_b below,
and all examples of a block go in one batched product:

    flipped      y_b  = patches(x_b) W_b      W_b = loc + Δ ∘ r_b s_bᵀ
    by loc, Δ    dloc = Σ dW_b                dΔ = Σ dW_b ∘ r_b s_bᵀ
                 dW_bᵀ = dy_bᵀ patches(x_b)
    moments      m    = patches(x) loc        v = patches(x)² var

Memory beside arguments and result: a block of patches of at most `_BLOCK` bytes, or
those of one position, or of one example with signs; the weights of its examples; and in
adjoint_x for a stride above 1 a copy of the result.
"""

import math
from collections.abc import Iterable, Iterator
from typing import Any

import cupy
import numpy as np

from varlayers.types import FlippedWeight, Shape
from varlayers.windows import Window, out_space, span_of
from varlayers_backends.cupy_launch import each, new, plain, tiles
from varlayers_backends.cupy_products import matmul
from varlayers_backends.cupy_windows import sliding, struct
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

_BLOCK = 1 << 26  # bytes; about what stays in the second cache of a large device


def conv(x: Any, w: Any, window: Window) -> Any:
    """Return `Kernels.conv` for one group."""
    y, taps = _outputs(x, w, window), _matrix(w)
    for rows, patches in _blocks(x, w.shape[:-2], window):
        matmul(patches, taps, out=_rows(y)[rows])
    return y


def adjoint_w(x: Any, dy: Any, w_shape: Shape, window: Window) -> Any:
    """Return `Kernels.conv_adjoint_w` for one group."""
    dy = _rows(plain(dy))
    parts = (
        matmul(patches.T, dy[rows])
        for rows, patches in _blocks(x, w_shape[:-2], window)
    )
    return _sum(parts, x, w_shape)


def adjoint_x(dy: Any, w: Any, x_shape: Shape, window: Window) -> Any:
    """Return `Kernels.conv_adjoint_x` for one group."""
    back = way_back(dy.shape[1:-1], w.shape, x_shape, window)
    return _side_by_side(conv(dy, _phases(w, window), back.window), x_shape, back)


def flipped(x: Any, w: FlippedWeight, window: Window) -> Any:
    """Return `Kernels.conv_flipped` for one group and signs per channel."""
    y = _outputs(x, w.loc, window)
    for examples, patches in _example_blocks(x, w, window):
        out = y[examples].reshape(*patches.shape[:2], -1)
        matmul(patches, _weights(w, examples), out=out)
    return y


def flipped_adjoint_x(dy: Any, w: FlippedWeight, x_shape: Shape, window: Window) -> Any:
    """Return `Kernels.conv_flipped_adjoint_x` for one group and signs per channel."""
    back = way_back(dy.shape[1:-1], w.loc.shape, x_shape, window)
    signs = cupy.tile(w.r, math.prod(window.strides))
    w = FlippedWeight(_phases(w.loc, window), _phases(w.delta, window), w.s, signs)
    return _side_by_side(flipped(dy, w, back.window), x_shape, back)


def flipped_adjoint_w(
    x: Any, dy: Any, w: FlippedWeight, window: Window
) -> tuple[Any, Any]:
    """Return `Kernels.conv_flipped_adjoint_w` for one group and signs per channel."""
    shape = w.loc.shape
    dloc, ddelta = _zeros(x, shape), _zeros(x, shape)
    for examples, patches in _example_blocks(x, w, window):
        seen = dy[examples].reshape(*patches.shape[:2], -1)
        dw = matmul(plain(seen.transpose(0, 2, 1)), patches)
        each("add_flipped", x, dloc.size, dw, *_told(w, examples), dloc, ddelta)
    return dloc, ddelta


def moments(x: Any, loc: Any, var: Any, window: Window) -> tuple[Any, Any]:
    """Return `Kernels.conv_moments` for one group."""
    m, v = _outputs(x, loc, window), _outputs(x, var, window)
    for rows, patches in _blocks(x, loc.shape[:-2], window):
        matmul(patches, _matrix(loc), out=_rows(m)[rows])
        patches *= patches
        matmul(patches, _matrix(var), out=_rows(v)[rows])
    return m, v


def moments_adjoint_w(
    x: Any, grads: tuple[Any, Any], w_shape: Shape, window: Window
) -> tuple[Any, Any]:
    """Return `Kernels.conv_moments_adjoint_w` for one group."""
    dm, dv = (_rows(plain(grad)) for grad in grads)
    dloc, dvar = [], []
    for rows, patches in _blocks(x, w_shape[:-2], window):
        dloc.append(matmul(patches.T, dm[rows]))
        patches *= patches
        dvar.append(matmul(patches.T, dv[rows]))
    return _sum(dloc, x, w_shape), _sum(dvar, x, w_shape)


def _blocks(
    x: Any, filter_shape: Shape, window: Window, step: int = 0
) -> Iterator[tuple[slice, Any]]:
    """Yield rows of the output, `step` or what a block holds, and their patches.

    The caller may change the patches; the next block overwrites them.
    """
    told, (n, *out, _) = sliding(x.shape, filter_shape, window)
    x, rows = plain(x), n * math.prod(out)
    width = math.prod(filter_shape) * x.shape[-1]
    step = min(rows, step or max(1, _BLOCK // max(1, width * x.itemsize)))
    buffer = new(x, (step, width))
    for start in range(0, rows, max(1, step)):
        part = buffer[: rows - start]
        if width:
            tiles("patches", x, len(part), width, x, told, start, len(part), part)
        yield slice(start, start + len(part)), part


def _example_blocks(
    x: Any, w: FlippedWeight, window: Window
) -> Iterator[tuple[slice, Any]]:
    """Yield examples and their patches (n, positions, width)."""
    positions = math.prod(out_space(x.shape[1:-1], w.loc.shape[:-2], window))
    width = math.prod(w.loc.shape[:-1])
    most = max(1, width * max(positions, w.loc.shape[-1]) * x.itemsize)
    step = positions * max(1, _BLOCK // most)
    for rows, patches in _blocks(x, w.loc.shape[:-2], window, step):
        examples = slice(rows.start // positions, rows.stop // positions)
        yield examples, patches.reshape(-1, positions, width)


def _told(w: FlippedWeight, examples: slice) -> tuple[Any, ...]:
    """Return r (n, c), s (n, o) of these examples, n, and the sizes of w."""
    r, s = (plain(x.reshape(len(x), -1)[examples]) for x in (w.r, w.s))
    *taps, c, o = w.loc.shape
    return r, s, len(r), *map(np.int32, (math.prod(taps), c, o))


def _weights(w: FlippedWeight, examples: slice) -> Any:
    """Return loc + Δ ∘ r_b s_bᵀ, (n, patch, o)."""
    told = _told(w, examples)
    out = new(w.loc, (told[2], math.prod(w.loc.shape[:-1]), w.loc.shape[-1]))
    each("flipped_weights", out, out.size, plain(w.loc), plain(w.delta), *told, out)
    return out


def _phases(w: Any, window: Window) -> Any:
    """Return the weight (*Q, o, phases c) of the way back, for `way_back`."""
    *sizes, c, o = w.shape
    strides = window.strides
    dilations = [
        dilation if stride > 1 else 1
        for stride, dilation in zip(strides, window.dilations, strict=True)
    ]
    taps = [
        -(-span_of(size, dilation) // stride)
        for size, dilation, stride in zip(sizes, dilations, strides, strict=True)
    ]
    told = struct(c, filter=sizes, out=taps, strides=strides, dilations=dilations)
    out = new(w, (*taps, o, math.prod(strides) * c))
    each("phases", w, out.size, plain(w), told, np.int32(o), out.size, out)
    return out


def _side_by_side(dx: Any, x_shape: Shape, back: WayBack) -> Any:
    """Return dx of this shape from (n, *counts, phases c)."""
    if math.prod(back.strides) == 1:
        return dx
    told = struct(
        x_shape[-1],
        space=x_shape[1:-1],
        out=back.counts,
        strides=back.strides,
        lows=back.starts,
    )
    out = new(dx, x_shape)
    each("side_by_side", dx, out.size, dx, told, out.size, out)
    return out


def _outputs(x: Any, w: Any, window: Window) -> Any:
    out = out_space(x.shape[1:-1], w.shape[:-2], window)
    return new(x, (x.shape[0], *out, w.shape[-1]))


def _matrix(w: Any) -> Any:
    """Return the weight (*filter, c, o) as (patch, o)."""
    return w.reshape(-1, w.shape[-1])


def _rows(y: Any) -> Any:
    """Return y with one position in a row: a view where y is contiguous."""
    return y.reshape(-1, y.shape[-1])


def _zeros(like: Any, shape: Shape) -> Any:
    with like.device:
        return cupy.zeros(shape, like.dtype)


def _sum(parts: Iterable[Any], like: Any, shape: Shape) -> Any:
    """Return the sum of a block's parts as an array of this shape; 0 of none."""
    total = None
    for part in parts:
        total = part if total is None else cupy.add(total, part, out=total)
    return _zeros(like, shape) if total is None else total.reshape(shape)
