"""Convolutions of NumPy arrays without patches: compiled loops over slabs of examples.

The same algebra as in `numpy_convolution`, which has the adjoint by x: the convolution
of dy with the phases of w. What is here lays out weights, cuts a call into pieces for
the threads, and adds up what the pieces give, always in the same order: results do not
depend on the number of threads.

Without a stride, x and dy may change places in the gradient by the weight: with few
channels out and many in, that fills more of a vector.

Memory beside arguments and result: for each thread a padded slab of an example and, for
Flipout, a weight; for the gradient by the weight one more for each piece, at most
`PIECES`; and in adjoint_x for a stride above 1 a copy of the result with its edges.
"""

import math
from typing import Any

import numpy as np

from varlayers.types import FlippedWeight, Shape
from varlayers.windows import Window, out_space, span_of
from varlayers_backends import (
    numba_slabs,
    numba_threads,
    numba_winograd,
    numpy_convolution,
)
from varlayers_backends.numba_layout import (
    PIECES,
    flat,
    packed,
    signs_of,
    slabs_of,
    wide_of,
)
from varlayers_backends.numba_slabs import Slabs
from varlayers_backends.numba_threads import check_memory
from varlayers_backends.numba_tile import lanes_of
from varlayers_backends.numpy_buffers import empty, zeros

__all__ = [
    "adjoint_w",
    "adjoint_x",
    "conv",
    "flipped",
    "flipped_adjoint_w",
    "flipped_adjoint_x",
    "knows",
    "moments",
    "moments_adjoint_w",
]

_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
_LARGE = 1 << 21  # multiplications from which other threads are asked for help


def knows(window: Window, first: Any, *others: Any) -> bool:
    """Whether the loops are for such a convolution.

    That is one of up to three axes and one group, of arrays that are not empty, all
    float32 or all float64.
    """
    return (
        window.groups == 1
        and len(window.strides) <= 3
        and first.dtype in _FLOATS
        and all(x.dtype == first.dtype for x in others)
        and all(type(x) is np.ndarray and x.size for x in (first, *others))
    )


def conv(x: Any, w: Any, window: Window) -> Any:
    """Return `Kernels.conv` for one group."""
    return _outputs(x, w, window)


def adjoint_x(dy: Any, w: Any, x_shape: Shape, window: Window) -> Any:
    """Return `Kernels.conv_adjoint_x` for one group."""
    return numpy_convolution.adjoint_x(dy, w, x_shape, window, conv)


def adjoint_w(x: Any, dy: Any, w_shape: Shape, window: Window) -> Any:
    """Return `Kernels.conv_adjoint_w` for one group."""
    return _weights(x, dy, w_shape, window)[0]


def flipped(x: Any, w: FlippedWeight, window: Window) -> Any:
    """Return `Kernels.conv_flipped` for one group and signs per channel."""
    return _outputs(x, w.loc, window, w)


def flipped_adjoint_x(dy: Any, w: FlippedWeight, x_shape: Shape, window: Window) -> Any:
    """Return `Kernels.conv_flipped_adjoint_x` for one group and signs per channel."""
    return numpy_convolution.flipped_adjoint_x(dy, w, x_shape, window, flipped)


def flipped_adjoint_w(
    x: Any, dy: Any, w: FlippedWeight, window: Window
) -> tuple[Any, Any]:
    """Return `Kernels.conv_flipped_adjoint_w` for one group and signs per channel."""
    dloc, ddelta = _weights(x, dy, w.loc.shape, window, w)
    return dloc, ddelta


def moments(x: Any, loc: Any, var: Any, window: Window) -> tuple[Any, Any]:
    """Return `Kernels.conv_moments` for one group."""
    return _outputs(x, loc, window), _outputs(x, var, window, square=True)


def moments_adjoint_w(
    x: Any, grads: tuple[Any, Any], w_shape: Shape, window: Window
) -> tuple[Any, Any]:
    """Return `Kernels.conv_moments_adjoint_w` for one group."""
    dm, dv = grads
    dloc = _weights(x, dm, w_shape, window)[0]
    return dloc, _weights(x, dv, w_shape, window, square=True)[0]


def _outputs(
    x: Any, w: Any, window: Window, signs: Any = None, square: bool = False
) -> Any:
    """Return the outputs for x or x², with the weight w or with that of the signs."""
    if not square and numba_winograd.pays(x, w.shape, window):
        return numba_winograd.outputs(x, w, window, signs)
    g, runs = slabs_of(x, w.shape, window)
    out = out_space(x.shape[1:-1], w.shape[:-2], window)
    y, loc = empty((len(x), *out, w.shape[-1]), x.dtype), packed(w, g)
    delta, r, s = loc[:0], loc[:0], loc[:0]
    if signs is not None:
        delta, (r, s) = packed(signs.delta, g), signs_of(signs, wide_of(g, g.unit))
    arrays = flat(x), square, runs, loc, delta, r, s, y.reshape(-1)
    slabs = len(x) * g.slabs
    team, grain = _shared(g, w.size, y, slabs)
    check_memory(numba_slabs.outputs(team, slabs, grain, g, *arrays))
    return y


def _weights(
    x: Any,
    dy: Any,
    w_shape: Shape,
    window: Window,
    signs: Any = None,
    square: bool = False,
) -> list[Any]:
    """Return the gradient by the weight for x or x²; with signs by loc and delta."""
    if not square and numba_winograd.pays(x, w_shape, window):
        return numba_winograd.weights(x, dy, w_shape, window, signs)
    if not square and _turns(w_shape, window, lanes_of(x.dtype)):
        signs = signs and FlippedWeight(signs.loc, signs.delta, signs.s, signs.r)
        turned = _turned(x.shape, dy.shape, w_shape, window)
        grads = _weights(dy, x, (*w_shape[:-2], *w_shape[:-3:-1]), turned, signs)
        axes = tuple(range(len(w_shape) - 2))
        return [np.flip(grad, axes).swapaxes(-1, -2).copy() for grad in grads]
    g, runs = slabs_of(x, w_shape, window)
    wide = wide_of(g, 1)
    r = s = np.empty(0, x.dtype)
    if signs is not None:
        r, s = signs_of(signs, wide)
    d, h = g.step_d * g.long_h, g.step_h
    starts = np.arange(g.depth)[:, None] * d + np.arange(g.out_h) * h
    rows = starts.reshape(-1) * g.long_w * g.c
    slabs, patch, count = len(x) * g.slabs, math.prod(w_shape[:-1]), 1 + (len(r) > 0)
    team, grain = _shared(g, math.prod(w_shape), dy, slabs)
    sums = zeros((count, -(-slabs // grain), patch * wide), x.dtype)
    arrays = flat(x), square, runs, rows, flat(dy), r, s, sums
    check_memory(numba_slabs.weights(team, slabs, grain, g, *arrays))
    totals = sums.sum(axis=1).reshape(count, patch, wide)
    own = (np.ascontiguousarray(total[:, : g.o]) for total in totals)
    return [total.reshape(w_shape) for total in own]


def _turns(w_shape: Shape, window: Window, lanes: int) -> bool:
    """Whether x and dy fill more of the vectors when they change places."""
    c, o = (size / (-(-size // lanes) * lanes) for size in w_shape[-2:])
    return c > 2 * o and all(stride == 1 for stride in window.strides)


def _turned(x_shape: Shape, y_shape: Shape, w_shape: Shape, window: Window) -> Window:
    """Return the window of dw[m] = Σ_j dy[j + m' d - low'] x[j], with m' = m reversed.

    It is that of the convolution without a stride, j = i + m d - low.
    """
    pads = []
    for n, out, size, dilation, (low, _) in zip(
        x_shape[1:-1], y_shape[1:-1], w_shape, *window[1:3], strict=False
    ):
        before = span_of(size, dilation) - 1 - low
        pads.append((before, n - out - before + span_of(size, dilation) - 1))
    return window._replace(pads=tuple(pads))


def _shared(g: Slabs, weight: int, y: Any, slabs: int) -> tuple[Any, int]:
    """Return who shares the work, and how many slabs a thread takes at a time."""
    if y.size * weight // g.o < _LARGE:
        return numba_threads.ALONE, slabs
    return numba_threads.team(), -(-slabs // PIECES)
