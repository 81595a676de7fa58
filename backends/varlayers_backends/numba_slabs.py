"""Compiled loops of convolutions: slab by slab, with nothing gathered.

A slab is a few positions along the first axis of an example's outputs, and what they
see of the padded example, copied to a buffer (d, h, w, c) that stays in the cache. What
the outputs of a row see of one offset along all axes but the last is a run: numbers
side by side, which begin `step` numbers further for each next output. So

    outputs    y[i]     = Σ_r Σ_k A[r, i step + k] w[r, k]           by tiles of i
    weights    dw[r, k] = Σ_j Σ_i A[r, j, i step + k] dy[j, i]       by tiles of k

where A is the slab itself: products of matrices whose rows overlap (`numba_tile`), two
vectors of channels out at a time. A dilation along the last axis makes a run of each
offset. Weights come packed: a matrix for each two vectors, with channels of 0 to fill
up the last one. With signs r and s, an example has a weight of its own:

    w = loc + Δ ∘ r sᵀ        dloc += dw        dΔ += dw ∘ r sᵀ

Slabs are numbered through all examples; a call does some of them. Arrays are flat and
contiguous.
"""

from typing import Any, NamedTuple

import numpy as np

from varlayers_backends.numba_math import inner, kernel
from varlayers_backends.numba_tile import HEIGHT, columns, rows

__all__ = ["Slabs", "outputs", "weights"]

_POSITIONS = 128  # whose inputs and gradients fit into the fastest cache


class Slabs(NamedTuple):
    """The numbers that loops over slabs need; axes are (d, h, w).

    Attributes:
        d, h, w, c: lengths and channels of x.
        out_d, out_h, out_w, o: of the outputs.
        step_d, step_h, step_w: strides.
        low_d, low_h, low_w: zeros before x; below 0, how much of it is cut off.
        span_d: how far the filter reaches along the first axis.
        long_h, long_w: lengths of a padded slab.
        length: of a run.
        lanes: numbers in a vector.
        depth: positions along the first axis in a slab.
        slabs: of an example.
    """

    d: int
    h: int
    w: int
    c: int
    out_d: int
    out_h: int
    out_w: int
    o: int
    step_d: int
    step_h: int
    step_w: int
    low_d: int
    low_h: int
    low_w: int
    span_d: int
    long_h: int
    long_w: int
    length: int
    lanes: int
    depth: int
    slabs: int


@kernel
def outputs(
    g: Any,
    x: Any,
    square: bool,
    runs: Any,
    loc: Any,
    delta: Any,
    r: Any,
    s: Any,
    y: Any,
    first: int,
    last: int,
) -> None:
    """Store the outputs of slabs first to last - 1; of x² if square.

    With signs, r (n, c) and s (n, o filled up), the weight is theirs; else r is empty.
    """
    slab = np.empty(_depth_in(g, g.depth) * g.long_h * g.long_w * g.c, x.dtype)
    some = np.empty(HEIGHT * 2 * g.lanes, x.dtype)
    own = np.empty(loc.shape[0] if r.shape[0] else 0, x.dtype)
    w, patch, made = loc, runs.shape[0] * g.length, -1
    w_runs = np.arange(runs.shape[0]) * g.length
    for number in range(first, last):
        example = number // g.slabs
        start = (number % g.slabs) * g.depth
        depth = min(g.depth, g.out_d - start)
        _fill(g, x, example, start, depth, square, slab)
        if r.shape[0]:
            if example != made:
                _flip(g, patch, loc, delta, r, s, example, own)
            w, made = own, example
        y_start = (example * g.out_d + start) * g.out_h
        for o in range(0, g.o, 2 * g.lanes):
            vectors = 2 if g.o - o > g.lanes else 1
            width = vectors * g.lanes
            part = (w, o * patch, w_runs * width, width)
            for row in range(depth * g.out_h):
                seen = (slab, _row_at(g, row), runs, g.step_w * g.c)
                _row(g, seen, part, y, (y_start + row) * g.out_w * g.o + o, some)


@inner
def _row(g: Any, a: Any, b: Any, y: Any, at: int, some: Any) -> None:
    """Store the channels of b for a row of outputs, but not what fills up."""
    x, x_at, runs, step = a
    width = b[3]
    channels = min(width, g.o - at % g.o)
    i, left = 0, -(-g.out_w // HEIGHT)
    while left:
        height = -(-(g.out_w - i) // left)
        to, to_at, to_step = some, 0, width
        if channels == width:
            to, to_at, to_step = y, at + i * g.o, g.o
        rows(
            height,
            width // g.lanes,
            (x, x_at + i * step, runs, step),
            b,
            (to, to_at, to_step),
            g.length,
            False,
        )
        if channels < width:
            for t in range(height):
                for channel in range(channels):
                    y[at + (i + t) * g.o + channel] = some[t * width + channel]
        i, left = i + height, left - 1


@kernel
def weights(
    g: Any,
    x: Any,
    square: bool,
    runs: Any,
    dy: Any,
    r: Any,
    s: Any,
    dloc: Any,
    ddelta: Any,
    first: int,
    last: int,
) -> None:
    """Add the gradient that slabs first to last - 1 give; for x² if square.

    To dloc (patch, o filled up), and with signs to ddelta; else r is empty.
    """
    wide = -(-g.o // g.lanes) * g.lanes
    slab = np.empty(_depth_in(g, g.depth) * g.long_h * g.long_w * g.c, x.dtype)
    filled = np.zeros(g.depth * g.out_h * g.out_w * wide if wide > g.o else 0, x.dtype)
    own = np.zeros(dloc.shape[0] if r.shape[0] else 0, x.dtype)
    dw = own if r.shape[0] else dloc
    x_rows = np.empty(g.depth * g.out_h, np.intp)
    for row in range(x_rows.shape[0]):
        x_rows[row] = _row_at(g, row)
    y_rows = np.arange(x_rows.shape[0]) * (g.out_w * wide)
    for number in range(first, last):
        example = number // g.slabs
        start = (number % g.slabs) * g.depth
        depth = min(g.depth, g.out_d - start)
        _fill(g, x, example, start, depth, square, slab)
        grads, at = dy, (example * g.out_d + start) * g.out_h * g.out_w * g.o
        if wide > g.o:
            for i in range(depth * g.out_h * g.out_w):
                for o in range(g.o):
                    filled[i * wide + o] = dy[at + i * g.o + o]
            grads, at = filled, 0
        some = max(1, _POSITIONS // g.out_w)
        for row in range(0, depth * g.out_h, some):
            block = slice(row, min(row + some, depth * g.out_h))
            a = (slab, 0, x_rows[block], g.step_w * g.c)
            _block(g, a, runs, (grads, at, y_rows[block], wide), dw)
        if r.shape[0] and (number + 1 == last or (number + 1) // g.slabs > example):
            _unflip(g, wide, own, r, s, example, dloc, ddelta)


@inner
def _block(g: Any, a: Any, runs: Any, b: Any, dw: Any) -> None:
    """Add the products of a few rows to dw."""
    x, _, x_rows, step = a
    dy, at, y_rows, wide = b
    for run in range(runs.shape[0]):
        k, left = 0, -(-g.length // HEIGHT)
        while left:
            height = -(-(g.length - k) // left)
            for o in range(0, wide, 2 * g.lanes):
                columns(
                    height,
                    2 if wide - o > g.lanes else 1,
                    (x, runs[run] + k, x_rows, step),
                    (dy, at + o, y_rows, wide),
                    (dw, (run * g.length + k) * wide + o, wide),
                    g.out_w,
                    True,
                )
            k, left = k + height, left - 1


@inner
def _depth_in(g: Any, depth: int) -> int:
    """Return how much of the first axis some outputs see."""
    return (depth - 1) * g.step_d + g.span_d


@inner
def _row_at(g: Any, row: int) -> int:
    """Return where in a slab a row of outputs begins to look."""
    i, j = row // g.out_h, row % g.out_h
    return (i * g.step_d * g.long_h + j * g.step_h) * g.long_w * g.c


@inner
def _fill(
    g: Any, x: Any, example: int, start: int, depth: int, square: bool, slab: Any
) -> None:
    """Copy what a slab sees of x, or its square, with zeros around."""
    zero, size = x.dtype.type(0), g.long_w * g.c
    low = min(max(g.low_w, 0), g.long_w) * g.c
    high = max(low, min(g.long_w, g.w + g.low_w) * g.c)
    for i in range(_depth_in(g, depth)):
        d = start * g.step_d - g.low_d + i
        for j in range(g.long_h):
            h = j - g.low_h
            row = slab[(i * g.long_h + j) * size : (i * g.long_h + j + 1) * size]
            if 0 <= d < g.d and 0 <= h < g.h:
                at = ((example * g.d + d) * g.h + h) * g.w * g.c - g.low_w * g.c
                row[:low] = zero
                if square:
                    for k in range(low, high):
                        row[k] = x[at + k] * x[at + k]
                else:
                    for k in range(low, high):
                        row[k] = x[at + k]
                row[high:] = zero
            else:
                row[:] = zero


@inner
def _flip(
    g: Any, patch: int, loc: Any, delta: Any, r: Any, s: Any, example: int, w: Any
) -> None:
    """Store the packed weight of an example."""
    wide = loc.shape[0] // patch
    for o in range(0, wide, 2 * g.lanes):
        width = min(2 * g.lanes, wide - o)
        signs = s[example * wide + o : example * wide + o + width]
        for k in range(patch):
            sign, at = r[example * g.c + k % g.c], o * patch + k * width
            for i in range(width):
                w[at + i] = loc[at + i] + delta[at + i] * (sign * signs[i])


@inner
def _unflip(
    g: Any, wide: int, dw: Any, r: Any, s: Any, example: int, dloc: Any, ddelta: Any
) -> None:
    """Add dw of an example to dloc and ddelta, and set it to 0."""
    signs = s[example * wide : (example + 1) * wide]
    for k in range(dw.shape[0] // wide):
        sign = r[example * g.c + k % g.c]
        for o in range(wide):
            i = k * wide + o
            dloc[i] += dw[i]
            ddelta[i] += dw[i] * (sign * signs[o])
            dw[i] = dw.dtype.type(0)
