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
up the last one. Too few channels out to fill a vector go one at a time, by products of
vectors along k. With signs r and s, an example has a weight of its own:

    w = loc + Δ ∘ r sᵀ        dloc += dw        dΔ += dw ∘ r sᵀ

Slabs are numbered through all examples, and shared out among the threads of a team.
Arrays are flat and contiguous.
"""

from typing import Any, NamedTuple

import numpy as np

from varlayers_backends.numba_example import fill_slab, flip, make_slab, unflip
from varlayers_backends.numba_fork import fork
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
        block: channels out at a time: of two vectors, or 1.
        unit: 1, or `lanes` where the products are of vectors, for a block of 1.
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
    block: int
    unit: int
    depth: int
    slabs: int


@kernel
def outputs(team: Any, slabs: int, grain: int, *rest: Any) -> bool:
    """Share `_outputs` of all slabs, `grain` at a time; return if memory ran out."""
    return fork(team, _outputs, (), (slabs, grain, *rest), slabs, grain)


@inner
def _outputs(
    first: int,
    slabs: int,
    grain: int,
    g: Any,
    x: Any,
    square: bool,
    runs: Any,
    loc: Any,
    delta: Any,
    r: Any,
    s: Any,
    y: Any,
) -> None:
    """Store the outputs of x, or of x² if square, for slabs from `first` on.

    With signs, r (n, c) and s (n, o filled up), the weights are theirs; else r is
    empty.
    """
    last = min(first + grain, slabs)
    slab, some = make_slab(g, x), np.empty(2 * g.lanes * HEIGHT, x.dtype)
    own = np.zeros(delta.shape[0], x.dtype)
    signs = np.empty(g.c * g.block if r.shape[0] else 0, x.dtype)
    w, patch, made = loc, runs.shape[0] * g.length, -1
    for number in range(first, last):
        example, part = number // g.slabs, number % g.slabs
        start = part * g.depth
        depth = g.depth if start + g.depth < g.out_d else g.out_d - start
        fill_slab(g, x, example, start, depth, square, slab)
        if r.shape[0]:
            if example != made:
                flip(g, patch, loc, delta, r, s, example, own, signs)
            w, made = own, example
        for o in range(0, g.o, g.block):
            width = g.block if g.block == 1 or g.o - o > g.lanes else g.lanes
            at = (example * g.out_d + start) * g.out_h * g.out_w * g.o + o
            for i in range(depth):
                for j in range(g.out_h):
                    seen = (i * g.step_d * g.long_h + j * g.step_h) * g.long_w * g.c
                    _row(g, slab, seen, runs, w, o * patch, width, y, at, some)
                    at += g.out_w * g.o


@inner
def _row(
    g: Any,
    slab: Any,
    seen: int,
    runs: Any,
    w: Any,
    w_at: int,
    width: int,
    y: Any,
    at: int,
    some: Any,
) -> None:
    """Store the channels of w for a row of outputs, but not what fills up."""
    step, last = g.step_w * g.c, g.o - at % g.o
    left, positions = (g.out_w - 1) // HEIGHT + 1, g.out_w
    while left:
        height = (positions - 1) // left + 1
        to, to_at, to_step = some, 0, width
        if width <= last:
            to, to_at, to_step = y, at, g.o
        a, c, ahead = (slab, seen, runs, step), (to, to_at, to_step), g.unit * width
        rows(
            height, width // g.lanes, a, (w, w_at, ahead), c, g.length // g.unit, False
        )
        if width > last:
            for t in range(height):
                for channel in range(last):
                    y[at + t * g.o + channel] = some[t * width + channel]
        seen, at = seen + height * step, at + height * g.o
        positions, left = positions - height, left - 1


@kernel
def weights(team: Any, slabs: int, grain: int, *rest: Any) -> bool:
    """Share `_weights` of all slabs, `grain` at a time; return if memory ran out."""
    return fork(team, _weights, (), (slabs, grain, *rest), slabs, grain)


@inner
def _weights(
    first: int,
    slabs: int,
    grain: int,
    g: Any,
    x: Any,
    square: bool,
    runs: Any,
    x_rows: Any,
    dy: Any,
    r: Any,
    s: Any,
    sums: Any,
) -> None:
    """Add the gradient by the weight, for x² if square, of slabs from `first` on.

    Each `grain` of the slabs adds to a part of its own of sums (1, parts, patch and o
    filled up); with signs the first axis is (loc, delta), else r is empty. Rows of
    outputs begin to look at x_rows.
    """
    last = min(first + grain, slabs)
    dloc, ddelta = sums[0, first // grain], sums[-1, first // grain]
    wide, dw = ((g.o - 1) // g.lanes + 1) * g.lanes, dloc
    slab, own = make_slab(g, x), np.zeros(dw.shape[0] if r.shape[0] else 0, x.dtype)
    signs = np.empty(g.c * wide if r.shape[0] else 0, x.dtype)
    filled = np.zeros(g.depth * g.out_h * g.out_w * wide if wide > g.o else 0, x.dtype)
    if r.shape[0]:
        dw = own
    some = _POSITIONS // g.out_w + 1
    for number in range(first, last):
        example, part = number // g.slabs, number % g.slabs
        start = part * g.depth
        depth = g.depth if start + g.depth < g.out_d else g.out_d - start
        fill_slab(g, x, example, start, depth, square, slab)
        grads, at = dy, (example * g.out_d + start) * g.out_h * g.out_w * g.o
        if wide > g.o:
            for i in range(depth * g.out_h * g.out_w):
                for o in range(g.o):
                    filled[i * wide + o] = dy[at + i * g.o + o]
            grads, at = filled, 0
        for row in range(0, depth * g.out_h, some):
            end = row + some if row + some < depth * g.out_h else depth * g.out_h
            _block(g, slab, runs, x_rows[row:end], grads, at, wide, dw)
            at += some * g.out_w * wide
        if r.shape[0] and (number + 1 == last or part + 1 == g.slabs):
            unflip(g, wide, own, r, s, example, dloc, ddelta, signs)


@inner
def _block(
    g: Any, slab: Any, runs: Any, x_rows: Any, dy: Any, at: int, wide: int, dw: Any
) -> None:
    """Add the products of a few rows to dw."""
    for run in range(runs.shape[0]):
        k, left, to = 0, (g.length - 1) // HEIGHT + 1, run * g.length * wide
        while left:
            height = (g.length - k - 1) // left + 1
            a = (slab, runs[run] + k, x_rows, g.step_w * g.c)
            for o in range(0, wide, 2 * g.lanes):
                vectors = 2 if wide - o > g.lanes else 1
                b, c = (dy, at + o, wide), (dw, to + o, wide)
                columns(height, vectors, a, b, c, g.out_w, True)
            k, left, to = k + height, left - 1, to + height * wide
