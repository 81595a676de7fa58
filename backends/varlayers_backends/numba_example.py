"""What compiled convolutions make of an example: its slabs, and its own weight.

The loops and the layout of arrays are those of `numba_slabs`.
"""

from typing import Any

import numpy as np

from varlayers_backends.numba_math import inner

__all__ = ["fill_slab", "flip", "make_slab", "unflip"]


@inner
def make_slab(g: Any, x: Any) -> Any:
    """Return memory for a slab of x."""
    seen = (g.depth - 1) * g.step_d + g.span_d
    return np.empty(seen * g.long_h * g.long_w * g.c, x.dtype)


@inner
def fill_slab(
    g: Any, x: Any, example: int, start: int, depth: int, square: bool, slab: Any
) -> None:
    """Copy what a slab sees of x, or its square, with zeros around."""
    zero, size, i = x.dtype.type(0), g.w * g.c, 0
    for d in range(
        start * g.step_d - g.low_d,
        (start + depth - 1) * g.step_d - g.low_d + g.span_d,
    ):
        for h in range(-g.low_h, g.long_h - g.low_h):
            at = ((example * g.d + d) * g.h + h) * size
            inside = 0 <= d < g.d and 0 <= h < g.h
            for k in range(-g.low_w * g.c, (g.long_w - g.low_w) * g.c):
                value = x[at + k] if inside and 0 <= k < size else zero
                slab[i] = value * value if square else value
                i += 1


@inner
def flip(
    g: Any,
    patch: int,
    loc: Any,
    delta: Any,
    r: Any,
    s: Any,
    example: int,
    w: Any,
    signs: Any,
) -> None:
    """Store the packed weight of an example; signs is a buffer."""
    wide, at = loc.shape[0] // patch, 0
    for o in range(0, wide, g.block):
        width = g.block if g.block == 1 or wide - o > g.lanes else g.lanes
        for c in range(g.c):
            for i in range(width):
                sign = r[example * g.c + c] * s[example * wide + o + i]
                signs[c * width + i] = sign
        for _ in range(patch // g.c):
            for i in range(g.c * width):
                w[at + i] = loc[at + i] + delta[at + i] * signs[i]
            at += g.c * width


@inner
def unflip(
    g: Any,
    wide: int,
    dw: Any,
    r: Any,
    s: Any,
    example: int,
    dloc: Any,
    ddelta: Any,
    signs: Any,
) -> None:
    """Add dw of an example to dloc and ddelta, and set it to 0; signs is a buffer."""
    size = g.c * wide
    for c in range(g.c):
        for o in range(wide):
            signs[c * wide + o] = r[example * g.c + c] * s[example * wide + o]
    for at in range(0, dw.shape[0], size):
        for i in range(size):
            dloc[at + i] += dw[at + i]
            ddelta[at + i] += dw[at + i] * signs[i]
            dw[at + i] = dw.dtype.type(0)
