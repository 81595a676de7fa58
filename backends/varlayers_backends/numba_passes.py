"""Compiled passes over weights: every operation in one loop.

Arrays come flat, contiguous, of one length and one dtype, float32 or float64. Results
are stored in arrays that the caller provides. Numbers come as float64 and are rounded
to the arrays' dtype. The formulas are those of `varlayers.kernels`.

Each pass shares out its loop among the threads of a team (`numba_fork`), in parts of
`GRAIN` elements.
"""

import math
from typing import Any

from numba import njit

from varlayers_backends.numba_fork import fork
from varlayers_backends.numba_math import exp, inner, kernel, log, log1p

__all__ = [
    "BLOCK",
    "GRAIN",
    "add_kl_normal",
    "add_product",
    "multiply",
    "product",
    "softplus",
    "sum_rows",
    "take_rows",
]

BLOCK = 4096  # elements whose divergence is one term of the sum
GRAIN = 2 * BLOCK  # elements that a thread takes at a time


@kernel
def softplus(team: Any, x: Any, value: Any, slope: Any, *numbers: float) -> None:
    """Store `Kernels.scale_normal` of x."""
    fork(team, _softplus, (x, value, slope), numbers, x.shape[0], GRAIN)


@inner
def _softplus(start: int, x: Any, value: Any, slope: Any, shift: float) -> None:
    dtype = x.dtype.type
    zero, one, shift_ = dtype(0), dtype(1), dtype(shift)
    for i in range(x.shape[0]):
        t = exp(-abs(x[i]))
        value[i] = (x[i] if x[i] > zero else zero) + log1p(t) + shift_
        slope[i] = (one if x[i] >= zero else t) / (one + t)


@kernel
def multiply(team: Any, x: Any, y: Any, out: Any) -> None:
    """Store x y."""
    fork(team, _multiply, (x, y, out), (), x.shape[0], GRAIN)


@inner
def _multiply(start: int, x: Any, y: Any, out: Any) -> None:
    for i in range(out.shape[0]):
        out[i] = x[i] * y[i]


@kernel
def add_product(team: Any, z: Any, x: Any, y: Any, out: Any) -> None:
    """Store z + x y."""
    fork(team, _add_product, (z, x, y, out), (), z.shape[0], GRAIN)


@inner
def _add_product(start: int, z: Any, x: Any, y: Any, out: Any) -> None:
    for i in range(out.shape[0]):
        out[i] = z[i] + x[i] * y[i]


@kernel
def product(team: Any, x: Any, y: Any, z: Any, out: Any, *numbers: float) -> None:
    """Store factor x y z."""
    fork(team, _product, (x, y, z, out), numbers, x.shape[0], GRAIN)


@inner
def _product(start: int, x: Any, y: Any, z: Any, out: Any, factor: float) -> None:
    factor_ = x.dtype.type(factor)
    for i in range(out.shape[0]):
        out[i] = factor_ * x[i] * y[i] * z[i]


@kernel
def sum_rows(team: Any, x: Any, out: Any) -> None:
    """Store the sum of each row of x."""
    fork(team, _sum_rows, (x, out), (), x.shape[0], GRAIN // (x.shape[1] + 1) + 1)


@inner
def _sum_rows(start: int, x: Any, out: Any) -> None:
    for row in range(x.shape[0]):
        total = 0.0
        for first in range(0, x.shape[1], BLOCK):
            total += _sum_block(x[row, first : first + BLOCK])
        out[row] = total


@njit(nogil=True, error_model="numpy", fastmath={"contract", "reassoc"})
def _sum_block(x: Any) -> Any:
    total = x.dtype.type(0)
    for i in range(x.shape[0]):
        total += x[i]
    return total


@kernel
def take_rows(team: Any, x: Any, rows: Any, out: Any) -> None:
    """Store x[rows].

    Raises:
        IndexError: if x has no such row.
    """
    for row in rows:
        if not -x.shape[0] <= row < x.shape[0]:
            msg = "take_rows expected numbers of rows of x, got another one."
            raise IndexError(msg)
    fork(team, _take_rows, (rows, out), (x,), rows.shape[0], GRAIN // x.shape[1] + 1)


@inner
def _take_rows(start: int, rows: Any, out: Any, x: Any) -> None:
    for i in range(rows.shape[0]):
        one, other = out[i], x[rows[i]]
        for j in range(one.shape[0]):
            one[j] = other[j]


@kernel
def add_kl_normal(
    team: Any,
    loc: Any,
    scale: Any,
    slope: Any,
    dloc: Any,
    drho: Any,
    sums: Any,
    kl: Any,
    *numbers: float,
) -> None:
    """Add the gradient of `Kernels.add_kl_normal_`; store the divergence.

    `sums` has room for the divergence of each block, `kl` for that of all.

    r² - 1 = (r - 1) (r + 1), which cancels nothing near r = 1.
    """
    fork(
        team,
        _add_kl_normal,
        (loc, scale, slope, dloc, drho),
        (sums, *numbers),
        loc.shape[0],
        GRAIN,
    )
    kl[0] = sums.sum()


@inner
def _add_kl_normal(
    start: int,
    loc: Any,
    scale: Any,
    slope: Any,
    dloc: Any,
    drho: Any,
    sums: Any,
    prior_loc: float,
    prior_scale: float,
    weight: float,
) -> None:
    for first in range(0, loc.shape[0], BLOCK):
        part = slice(first, first + BLOCK)
        sums[(start + first) // BLOCK] = _add_kl_block(
            *(loc[part], scale[part], slope[part], dloc[part], drho[part]),
            *(prior_loc, prior_scale, weight),
        )


# The sum over a block may be reordered, for else it cannot be vectorized.
@njit(nogil=True, error_model="numpy", fastmath={"contract", "reassoc"})
def _add_kl_block(
    loc: Any,
    scale: Any,
    slope: Any,
    dloc: Any,
    drho: Any,
    prior_loc: float,
    prior_scale: float,
    weight: float,
) -> Any:
    dtype = loc.dtype.type
    prior_loc_, inverse = dtype(prior_loc), dtype(1 / prior_scale)
    factor, weight_ = dtype(weight / prior_scale), dtype(weight)
    zero, half, one, infinity = dtype(0), dtype(0.5), dtype(1), dtype(math.inf)
    up, log_up = dtype(2.0**64), dtype(64 * math.log(2))
    kl = zero
    for i in range(loc.shape[0]):
        d, r = (loc[i] - prior_loc_) * inverse, scale[i] * inverse
        log_r = log(r * up) - log_up if r < one else log(r)  # r may be subnormal
        log_r = log_r if scale[i] > zero else -infinity
        kl += half * (d * d + (r - one) * (r + one)) - log_r
        ratio = slope[i] / scale[i] if scale[i] > zero else one
        dloc[i] += factor * d
        drho[i] += factor * r * slope[i] - weight_ * ratio
    return kl
