"""Loops over the tiles of Winograd's algorithm: band by band, with nothing kept.

    outputs    V = Bᵀ x B     M[p] = Σ V[p] U[p]     y = Aᵀ M A
    weights    V = Bᵀ x B     Z = A dy Aᵀ            dU[p] += V[p]ᵀ Z[p]

as in `numba_winograd`. A band is a few rows of tiles of an example, at every place
along the first axis d, one after another; what a band sees of x there is copied to a
buffer with zeros around, and its V kept for as many places as the filter has taps along
d. V is stored as (16, tiles, c), M and Z as (16, tiles, o), each product a little apart
from the one before. Arrays are flat and contiguous. Bands are numbered through all
examples, and shared out among the threads of a team.
"""

from typing import Any, NamedTuple

import numpy as np

from varlayers_backends import numba_winograd_tile as tile
from varlayers_backends.numba_example import flip, unflip
from varlayers_backends.numba_fork import fork
from varlayers_backends.numba_math import inner, kernel
from varlayers_backends.numba_tile import HEIGHT, columns, rows

__all__ = ["Tiles", "outputs", "weights"]


class Tiles(NamedTuple):
    """The numbers that loops over tiles need; axes are (d, h, w).

    Attributes:
        d, h, w, c: lengths and channels of x.
        out_d, out_h, out_w, o: of the outputs.
        low_d, low_h, low_w: zeros before x; below 0, how much of it is cut off.
        taps: of the filter along d.
        across: tiles in a row.
        down: rows of tiles in a band.
        bands: of an example.
        lanes: numbers in a vector.
        block: channels out at a time, of two vectors.
        step_v, step_m: from a product to the next, in V and in M or Z; not a multiple
            of what the fastest cache maps to one place.
    """

    d: int
    h: int
    w: int
    c: int
    out_d: int
    out_h: int
    out_w: int
    o: int
    low_d: int
    low_h: int
    low_w: int
    taps: int
    across: int
    down: int
    bands: int
    lanes: int
    block: int
    step_v: int
    step_m: int


@kernel
def outputs(team: Any, bands: int, grain: int, *rest: Any) -> bool:
    """Share `_outputs` of all bands, `grain` at a time; return if memory ran out."""
    return fork(team, _outputs, (), (bands, grain, *rest), bands, grain)


@inner
def _outputs(
    first: int,
    bands: int,
    grain: int,
    g: Any,
    x: Any,
    loc: Any,
    delta: Any,
    r: Any,
    s: Any,
    y: Any,
) -> None:
    """Store the outputs of bands from `first` on.

    With signs r (n, c) and s (n, o), the weights are theirs; else r is empty.
    """
    seen, v = _make(g, x), np.empty((g.taps, 16 * g.step_v), x.dtype)
    m, start = np.empty(16 * g.step_m, x.dtype), np.zeros(1, np.intp)
    own = np.empty(delta.shape[0], x.dtype)
    signs = np.empty(g.c * g.block if r.shape[0] else 0, x.dtype)
    u, of_example = loc, -1
    for number in range(first, min(first + grain, bands)):
        example, band = number // g.bands, number % g.bands
        if r.shape[0] and example != of_example:
            flip(g, g.taps * 16 * g.c, loc, delta, r, s, example, own, signs)
            u, of_example = own, example
        made = 0
        for d in range(g.out_d):
            made = _prepare(g, x, example, band, d, made, seen, v)
            add = False
            for tap in range(g.taps):
                at_d = d + tap - g.low_d
                if 0 <= at_d < g.d:
                    _multiply(g, v[at_d % g.taps], u, tap, start, m, add)
                    add = True
            if not add:
                m[:] = x.dtype.type(0)
            _give(g, m, y, example * g.out_d + d, band)


@inner
def _prepare(
    g: Any, x: Any, example: int, band: int, d: int, made: int, seen: Any, v: Any
) -> int:
    """Store V of what outputs at d see beyond `made`; return how far it is made.

    Those of as many places along d as there are taps are kept.
    """
    end = min(d + g.taps - g.low_d, g.d)
    for at_d in range(max(made, d - g.low_d), end):
        _fill(g, x, example * g.d + at_d, band, seen)
        _transform(g, seen, v[at_d % g.taps])
    return max(made, end)


@inner
def _make(g: Any, x: Any) -> Any:
    """Return memory for what a band sees of x."""
    return np.empty((2 * g.down + 2) * (2 * g.across + 2) * g.c, x.dtype)


@inner
def _fill(g: Any, x: Any, place: int, band: int, seen: Any) -> None:
    """Copy what a band sees of x, with zeros around."""
    wide = 2 * g.across + 2
    first, row = 2 * band * g.down - g.low_h, wide * g.c
    left, right = max(0, g.low_w), min(wide, g.w + g.low_w)
    for i in range(2 * g.down + 2):
        at, inside = (place * g.h + first + i) * g.w - g.low_w, 0 <= first + i < g.h
        part = seen[i * row : (i + 1) * row]
        _copy(x, at * g.c, left * g.c, right * g.c if inside else 0, part)


@inner
def _copy(x: Any, at: int, left: int, right: int, row: Any) -> None:
    """Copy x from `at` on to row, but from left to right only, and zeros elsewhere."""
    zero, right = x.dtype.type(0), max(left, right)
    row[:left] = zero
    row[right:] = zero
    from_, to = x[at + left : at + right], row[left:right]
    for k in range(to.shape[0]):
        to[k] = from_[k]


@inner
def _transform(g: Any, seen: Any, v: Any) -> None:
    """Store V of a band as (16, tiles, c)."""
    row = (2 * g.across + 2) * g.c
    for i in range(g.down):
        for j in range(g.across):
            at, to = 2 * i * row + 2 * j * g.c, (i * g.across + j) * g.c
            for c in range(0, g.c, g.lanes):
                tile.inputs(*(seen, at + c, row, g.c, v, to + c, g.step_v))


@inner
def _multiply(g: Any, v: Any, u: Any, tap: int, start: Any, m: Any, add: bool) -> None:
    """Store the 16 products of V and U in M (16, tiles, o), or add them."""
    tiles = g.down * g.across
    for p in range(16):
        for o in range(0, g.o, 2 * g.lanes):
            vectors = 2 if g.o - o > g.lanes else 1
            width = vectors * g.lanes
            at = (o * g.taps * 16 + (tap * 16 + p) * width) * g.c
            b = (u, at, width)
            t, left = 0, (tiles - 1) // HEIGHT + 1
            while left:
                height = (tiles - t - 1) // left + 1
                a = (v, p * g.step_v + t * g.c, start, g.c)
                c = (m, p * g.step_m + t * g.o + o, g.o)
                rows(height, vectors, a, b, c, g.c, add)
                t, left = t + height, left - 1


@inner
def _give(g: Any, m: Any, y: Any, place: int, band: int) -> None:
    """Store the outputs of a band."""
    row = g.out_w * g.o
    for i in range(g.down):
        h = 2 * (band * g.down + i)
        for j in range(g.across):
            at, to = (i * g.across + j) * g.o, (place * g.out_h + h) * row + 2 * j * g.o
            for o in range(0, g.o, g.lanes):
                tile.outputs(
                    *(m, at + o, g.step_m, y, to + o, row, g.o),
                    *(g.out_h - h, g.out_w - 2 * j),
                )


@kernel
def weights(team: Any, bands: int, grain: int, *rest: Any) -> bool:
    """Share `_weights` of all bands, `grain` at a time; return if memory ran out."""
    return fork(team, _weights, (), (bands, grain, *rest), bands, grain)


@inner
def _weights(
    first: int,
    bands: int,
    grain: int,
    g: Any,
    x: Any,
    dy: Any,
    r: Any,
    s: Any,
    sums: Any,
) -> None:
    """Add dU of bands from `first` on to a part of `sums` of their own.

    With signs the first axis of sums is (loc, delta), else r is empty.
    """
    last = min(first + grain, bands)
    dloc, ddelta = sums[0, first // grain], sums[-1, first // grain]
    seen, v = _make(g, x), np.empty((g.taps, 16 * g.step_v), x.dtype)
    given = np.empty(4 * g.down * g.across * g.o, x.dtype)
    z, start = np.empty(16 * g.step_m, x.dtype), np.zeros(1, np.intp)
    total, own = dloc, np.zeros(dloc.shape[0] if r.shape[0] else 0, x.dtype)
    signs = np.empty(g.c * g.o if r.shape[0] else 0, x.dtype)
    if r.shape[0]:
        total = own
    for number in range(first, last):
        example, band = number // g.bands, number % g.bands
        made = 0
        for d in range(g.out_d):
            made = _prepare(g, x, example, band, d, made, seen, v)
            _take(g, dy, example * g.out_d + d, band, given)
            _spread(g, given, z)
            for tap in range(g.taps):
                at_d = d + tap - g.low_d
                if 0 <= at_d < g.d:
                    to = tap * 16 * g.c * g.o
                    _multiply_back(g, v[at_d % g.taps], z, start, total, to)
        if r.shape[0] and (number + 1 == last or band + 1 == g.bands):
            unflip(g, g.o, own, r, s, example, dloc, ddelta, signs)


@inner
def _take(g: Any, dy: Any, place: int, band: int, given: Any) -> None:
    """Copy the gradient of a band, with zeros beyond the edges."""
    first, row = 2 * band * g.down, 2 * g.across * g.o
    for i in range(2 * g.down):
        at, inside = (place * g.out_h + first + i) * g.out_w, first + i < g.out_h
        part = given[i * row : (i + 1) * row]
        _copy(dy, at * g.o, 0, min(row, g.out_w * g.o) if inside else 0, part)


@inner
def _spread(g: Any, given: Any, z: Any) -> None:
    """Store Z of a band as (16, tiles, o)."""
    row = 2 * g.across * g.o
    for i in range(g.down):
        for j in range(g.across):
            at, to = 2 * i * row + 2 * j * g.o, (i * g.across + j) * g.o
            for o in range(0, g.o, g.lanes):
                tile.grads(*(given, at + o, row, g.o, z, to + o, g.step_m))


@inner
def _multiply_back(g: Any, v: Any, z: Any, start: Any, total: Any, to: int) -> None:
    """Add the 16 products of Vᵀ and Z to a part of (taps, 16, c, o)."""
    tiles = g.down * g.across
    for p in range(16):
        c, left = 0, (g.c - 1) // HEIGHT + 1
        while left:
            height = (g.c - c - 1) // left + 1
            a = (v, p * g.step_v + c, start, g.c)
            for o in range(0, g.o, 2 * g.lanes):
                vectors = 2 if g.o - o > g.lanes else 1
                b = (z, p * g.step_m + o, g.o)
                made = (total, to + (p * g.c + c) * g.o + o, g.o)
                columns(height, vectors, a, b, made, tiles, True)
            c, left = c + height, left - 1
