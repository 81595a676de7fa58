"""Convolutions of NumPy arrays without patches: compiled loops over slabs of examples.

The same algebra as in `numpy_convolution`, which has the adjoint by x: the convolution
of dy with the phases of w. What is here lays out weights, cuts a call into pieces for
the threads, and adds up what the pieces give, always in the same order: results do not
depend on the number of threads.

Memory beside arguments and result: for each thread a padded slab of an example and, for
Flipout, a weight; for the gradient by the weight one more for each piece, at most
`PIECES`; and in adjoint_x for a stride above 1 a copy of the result with its edges.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from varlayers.types import FlippedWeight, Shape
from varlayers.windows import Window, out_space, span_of
from varlayers_backends import numba_slabs, numba_threads, numpy_convolution
from varlayers_backends.numba_slabs import Slabs
from varlayers_backends.numba_tile import HEIGHT, lanes_of

__all__ = [
    "PIECES",
    "SLAB",
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
PIECES = 8  # of a call; what they sum up is added in order
SLAB = 1 << 19  # bytes of a padded slab, if that is more than one position's
_FEW = 4  # times as many channels out fill a vector, where they go one at a time
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
    x: Any,
    w: Any,
    window: Window,
    signs: FlippedWeight | None = None,
    square: bool = False,
) -> Any:
    """Return the outputs for x or x², with the weight w or with that of the signs."""
    g, runs = _slabs_of(x, w.shape, window)
    out = out_space(x.shape[1:-1], w.shape[:-2], window)
    y, loc = np.empty((len(x), *out, w.shape[-1]), x.dtype), _packed(w, g)
    delta, r, s = loc[:0], loc[:0], loc[:0]
    if signs is not None:
        delta, (r, s) = _packed(signs.delta, g), _signs(signs, _wide(g, g.unit))
    arrays = g, _flat(x), square, runs, loc, delta, r, s, y.reshape(-1)
    sizes = _slab_size(g), 2 * g.lanes * HEIGHT, delta.size
    _in_pieces(
        lambda _, *part: numba_slabs.outputs(*arrays, _buffers(sizes, x.dtype), *part),
        len(x) * g.slabs,
        _pieces(g, w.size, y),
    )
    return y


def _weights(
    x: Any,
    dy: Any,
    w_shape: Shape,
    window: Window,
    signs: FlippedWeight | None = None,
    square: bool = False,
) -> list[Any]:
    """Return the gradient by the weight for x or x²; with signs by loc and delta."""
    g, runs = _slabs_of(x, w_shape, window)
    wide = _wide(g, 1)
    r = s = np.empty(0, x.dtype)
    if signs is not None:
        r, s = _signs(signs, wide)
    pieces, d, h = _pieces(g, math.prod(w_shape), dy), g.step_d * g.long_h, g.step_h
    starts = np.arange(g.depth)[:, None] * d + np.arange(g.out_h) * h
    arrays = g, _flat(x), square, runs, starts.reshape(-1) * g.long_w * g.c, _flat(dy)
    patch, count = math.prod(w_shape[:-1]), 1 if signs is None else 2
    sums = np.zeros((count, pieces, patch * wide), x.dtype)
    filled = g.depth * g.out_h * g.out_w * wide if wide > g.o else 0
    sizes = _slab_size(g), filled, patch * wide if len(r) else 0
    _in_pieces(
        lambda i, *part: numba_slabs.weights(
            *(*arrays, r, s, sums[0, i], sums[-1, i], _buffers(sizes, x.dtype), *part)
        ),
        len(x) * g.slabs,
        pieces,
    )
    totals = sums.sum(axis=1).reshape(count, patch, wide)
    own = (np.ascontiguousarray(total[:, : g.o]) for total in totals)
    return [total.reshape(w_shape) for total in own]


def _in_pieces(call: Any, units: int, pieces: int) -> None:
    """Call call(i, first, last) for pieces that are about as large."""
    ends = [units * i // pieces for i in range(pieces + 1)]
    numba_threads.run(lambda i: call(i, ends[i], ends[i + 1]), pieces)


def _pieces(g: Slabs, weight: int, y: Any) -> int:
    """Return into how many pieces a call is cut."""
    if y.size * weight // g.o < _LARGE:
        return 1
    return min(PIECES, g.slabs * len(y))


def _slab_size(g: Slabs) -> int:
    return ((g.depth - 1) * g.step_d + g.span_d) * g.long_h * g.long_w * g.c


def _buffers(sizes: Shape, dtype: Any) -> tuple[Any, ...]:
    """Return a buffer for a slab, and two of zeros."""
    first, *others = sizes
    return np.empty(first, dtype), *(np.zeros(size, dtype) for size in others)


class _Axis(NamedTuple):
    """One axis of x, of the outputs and of the filter."""

    n: int
    out: int
    stride: int
    low: int
    size: int
    dilation: int

    @property
    def span(self) -> int:
        return span_of(self.size, self.dilation)

    @property
    def seen(self) -> int:
        """Return how much of it the outputs see."""
        return (self.out - 1) * self.stride + self.span


_NONE = _Axis(1, 1, 1, 0, 1, 1)


def _slabs_of(x: Any, w_shape: Shape, window: Window) -> tuple[Slabs, Any]:
    """Return the numbers of the loops, and where the runs of an output begin."""
    n, *space, c = x.shape
    out = out_space(x.shape[1:-1], w_shape[:-2], window)
    lows = [low for low, _ in window.pads]
    numbers = (space, out, window.strides, lows, w_shape[:-2], window.dilations)
    *axes, w = (_Axis(*axis) for axis in zip(*numbers, strict=True))
    d, h, *_ = (*axes, _NONE, _NONE)
    joined = w.size if w.dilation == 1 else 1
    taps = [
        np.arange(size) * step
        for size, step in (
            (d.size, d.dilation * h.seen * w.seen * c),
            (h.size, h.dilation * w.seen * c),
            (w.size // joined, w.dilation * c),
        )
    ]
    runs = taps[0][:, None, None] + taps[1][:, None] + taps[2]
    fitting = SLAB // (h.seen * w.seen * c * x.itemsize)
    depth = max(1, min((fitting - d.span) // d.stride + 1, -(-d.out * n // PIECES)))
    lanes = lanes_of(x.dtype)
    few = w_shape[-1] <= lanes // _FEW and joined * c % lanes == 0
    g = Slabs(
        *(d.n, h.n, w.n, c),
        *(d.out, h.out, w.out, w_shape[-1]),
        *(d.stride, h.stride, w.stride),
        *(d.low, h.low, w.low),
        *(d.span, h.seen, w.seen),
        length=joined * c,
        lanes=lanes,
        block=1 if few else 2 * lanes,
        unit=lanes if few else 1,
        depth=min(depth, d.out),
        slabs=-(-d.out // depth),
    )
    return g, runs.reshape(-1)


def _wide(g: Slabs, unit: int) -> int:
    """Return the number of channels out with those that fill up vectors, if any."""
    return g.o if unit > 1 else -(-g.o // g.lanes) * g.lanes


def _packed(w: Any, g: Slabs) -> Any:
    """Return the weight (*filter, c, o) as a matrix for each block of o."""
    w = w.reshape(-1, w.shape[-1])
    o, wide = g.o, _wide(g, g.unit)
    packed = np.empty(len(w) * wide, w.dtype)
    for start in range(0, wide, g.block):
        end, last = min(start + g.block, wide), min(start + g.block, o)
        part = packed[start * len(w) : end * len(w)].reshape(len(w), -1)
        part[:, : last - start] = w[:, start:last]
        part[:, last - start :] = 0
    return packed


def _signs(w: FlippedWeight, wide: int) -> tuple[Any, Any]:
    """Return r and s, flat, s filled up."""
    n, o = len(w.s), w.s.shape[-1]
    s = np.zeros((n, wide), w.s.dtype)
    s[:, :o] = w.s.reshape(n, o)
    return _flat(w.r), s.reshape(-1)


def _flat(x: Any) -> Any:
    """Return x in one row, or a copy where it is strided, unaligned or read-only."""
    return (x if x.flags.carray else np.array(x, order="C")).reshape(-1)
