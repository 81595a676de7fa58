"""How compiled convolutions lay out windows, weights and signs (`numba_slabs`).

Axes are three, (d, h, w): the last of an array is w, where its runs are; the first of
several is d, along which examples are cut into slabs.
"""

from typing import Any, NamedTuple

import numpy as np

from varlayers.types import FlippedWeight, Shape
from varlayers.windows import Window, out_space, span_of
from varlayers_backends.numba_slabs import Slabs
from varlayers_backends.numba_tile import lanes_of

__all__ = ["PIECES", "SLAB", "flat", "packed", "signs_of", "slabs_of", "wide_of"]

PIECES = 8  # of a call; what they sum up is added in order
SLAB = 1 << 19  # bytes of a padded slab, if that is more than one position's
_FEW = 4  # times as many channels out fill a vector, where they go one at a time


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


def slabs_of(x: Any, w_shape: Shape, window: Window) -> tuple[Slabs, Any]:
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


def wide_of(g: Slabs, unit: int) -> int:
    """Return the number of channels out with those that fill up vectors, if any."""
    return g.o if unit > 1 else -(-g.o // g.lanes) * g.lanes


def packed(w: Any, g: Slabs) -> Any:
    """Return the weight (*filter, c, o) as a matrix for each block of o."""
    w = w.reshape(-1, w.shape[-1])
    o, wide = g.o, wide_of(g, g.unit)
    packed = np.empty(len(w) * wide, w.dtype)
    for start in range(0, wide, g.block):
        end, last = min(start + g.block, wide), min(start + g.block, o)
        part = packed[start * len(w) : end * len(w)].reshape(len(w), -1)
        part[:, : last - start] = w[:, start:last]
        part[:, last - start :] = 0
    return packed


def signs_of(w: FlippedWeight, wide: int) -> tuple[Any, Any]:
    """Return r and s, flat, s filled up."""
    n, o = len(w.s), w.s.shape[-1]
    s = np.zeros((n, wide), w.s.dtype)
    s[:, :o] = w.s.reshape(n, o)
    return flat(w.r), s.reshape(-1)


def flat(x: Any) -> Any:
    """Return x in one row, or a copy where it is strided, unaligned or read-only."""
    return (x if x.flags.carray else np.array(x, order="C")).reshape(-1)
