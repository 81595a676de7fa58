"""Convolutions with filters 3 x 3 by Winograd's algorithm, compiled.

Each 2 x 2 outputs come from 4 x 4 inputs by 16 products where the definition has 36:

    forward                           backward
    V = Bᵀ x B    U = G w Gᵀ          Z = A dy Aᵀ
    M[p] = V[p] U[p]                  dU[p] = Σ V[p]ᵀ Z[p]
    y = Aᵀ M A                        dw = Gᵀ dU G

with p = 1 … 16 products of matrices, tiles times channels (`numba_winograd_tile` has A
and B). A first axis of the filter is summed over in M. The gradient by x is a
convolution itself. With signs r and s an example has a U of its own, that of its weight
loc + Δ ∘ r sᵀ, since G leaves the channels alone.

Rounding is that of sums over 4 x 4 inputs: a tile with a very large number, infinity or
NaN shows it in all of its outputs, also where the filter does not reach. So variances,
which must not be negative, are not computed here, and float64 is left exact.

A thread takes a band at a time, a few rows of tiles (`numba_winograd_loops`). Memory
beside arguments and result: for each thread a band's V and M and, for
Flipout, U; for the gradient by the weight U for each piece, at most `PIECES`.

Reference: Lavin & Gray (2016), "Fast algorithms for convolutional neural networks",
arXiv:1509.09308.
"""

import math
from typing import Any

import numpy as np

from varlayers.types import FlippedWeight, Shape
from varlayers.windows import Window, out_space
from varlayers_backends import numba_threads, numba_winograd_loops
from varlayers_backends.numba_layout import PIECES, flat, signs_of
from varlayers_backends.numba_threads import check_memory
from varlayers_backends.numba_tile import lanes_of
from varlayers_backends.numba_winograd_loops import Tiles
from varlayers_backends.numpy_buffers import empty, zeros

__all__ = ["outputs", "pays", "weights"]

_G = np.array([[2, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 2]]) / 2
_GG = np.kron(_G, _G).astype(np.float32)
_BAND = 1 << 19  # bytes of V and M
_COST = 20  # of a tile, its transforms included, where a product costs 1
_LARGE = 1 << 21  # multiplications of the definition from which tiles pay


def pays(x: Any, w_shape: Shape, window: Window) -> bool:
    """Whether the algorithm is for such a convolution, and faster than the definition.

    Arrays are known to be plain and of one group.
    """
    *filter_shape, c, o = w_shape
    if (
        x.dtype != np.float32
        or len(filter_shape) < 2
        or filter_shape[-2:] != [3, 3]
        or c % lanes_of(x.dtype)
        or o % lanes_of(x.dtype)
        or {*window.strides, *window.dilations} != {1}
    ):
        return False
    out = out_space(x.shape[1:-1], tuple(filter_shape), window)
    tiles = math.prod(-(-n // 2) for n in out[-2:])
    large = len(x) * math.prod(out) * math.prod(w_shape) >= _LARGE
    return large and _COST * tiles < 9 * math.prod(out[-2:])


def outputs(x: Any, w: Any, window: Window, signs: FlippedWeight | None) -> Any:
    """Return the outputs with the weight w, or with that of the signs."""
    g = _tiles(x, w.shape, window)
    y = empty((len(x), *out_space(x.shape[1:-1], w.shape[:-2], window), g.o), x.dtype)
    loc = _packed(w, g)
    delta, r, s = loc[:0], loc[:0], loc[:0]
    if signs is not None:
        delta, (r, s) = _packed(signs.delta, g), signs_of(signs, g.o)
    bands = len(x) * g.bands
    team, grain = numba_threads.team(), -(-bands // PIECES)
    arrays = flat(x), loc, delta, r, s, y.reshape(-1)
    check_memory(numba_winograd_loops.outputs(team, bands, grain, g, *arrays))
    return y


def weights(
    x: Any, dy: Any, w_shape: Shape, window: Window, signs: FlippedWeight | None
) -> list[Any]:
    """Return the gradient by the weight; with signs by loc and delta."""
    g = _tiles(x, w_shape, window)
    r = s = np.empty(0, x.dtype)
    if signs is not None:
        r, s = signs_of(signs, g.o)
    bands = len(x) * g.bands
    team, grain = numba_threads.team(), -(-bands // PIECES)
    count, size = 1 + (signs is not None), g.taps * 16 * g.c * g.o
    sums = zeros((count, -(-bands // grain), size), x.dtype)
    arrays = flat(x), flat(dy), r, s, sums
    check_memory(numba_winograd_loops.weights(team, bands, grain, g, *arrays))
    totals = sums.sum(axis=1).reshape(count, g.taps, 16, -1)
    return [np.matmul(_GG.T, total).reshape(w_shape) for total in totals]


def _tiles(x: Any, w_shape: Shape, window: Window) -> Tiles:
    *space, c = x.shape[1:]
    out, lanes = out_space(x.shape[1:-1], w_shape[:-2], window), lanes_of(x.dtype)
    lows, more = [low for low, _ in window.pads], 3 - len(space)
    across, rows_ = -(-out[-1] // 2), -(-out[-2] // 2)
    size = 16 * across * (c + w_shape[-1]) * x.itemsize
    bands = -(-rows_ // max(1, min(rows_, _BAND // size)))
    down = -(-rows_ // bands)
    places = [
        *[1] * more,
        *space,
        c,
        *[1] * more,
        *out,
        w_shape[-1],
        *[0] * more,
        *lows,
    ]
    numbers = dict(zip(Tiles._fields, places, strict=False))
    return Tiles(
        **numbers,
        taps=math.prod(w_shape[:-4]),
        across=across,
        down=down,
        bands=-(-rows_ // down),
        lanes=lanes,
        block=2 * lanes,
        step_v=down * across * c + lanes,
        step_m=down * across * w_shape[-1] + lanes,
    )


def _packed(w: Any, g: Tiles) -> Any:
    """Return U as (blocks of two vectors of channels out, taps, 16, c, the block)."""
    u = np.matmul(_GG, w.reshape(g.taps, 9, -1)).reshape(-1, g.o)
    blocks = range(0, g.o, g.block)
    return np.concatenate([u[:, o : o + g.block].reshape(-1) for o in blocks])
