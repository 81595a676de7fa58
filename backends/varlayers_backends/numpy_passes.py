"""Passes over NumPy arrays: softplus, divergence, optimizers, a cacheful at a time.

Arrays come flat, contiguous, of one length and one dtype, float32 or float64. Results
are stored in arrays that the caller provides.

NumPy's log1p in float32 is vectorized on some processors only, so there

    log1p(t) = 2 artanh(z) = z P(z²)    z = t / (2 + t)    0 <= t <= 1

and the logarithms of the divergence are taken of products of four.
"""

import math
from typing import Any

import numpy as np

from varlayers.kernels import Kernels
from varlayers_backends.numpy_chunks import CHUNK, chunks, polynomial, scalars

__all__ = ["adam", "add_kl_normal", "descend", "sgd", "softplus"]

# 2 artanh(z) / z interpolated at Chebyshev's points of 0 <= z² <= 1/9, and exact at 0;
# within 2e-8.
_LOG1P = scalars(np.float32, 2.0, 0.6666664, 0.4000756, 0.2823662, 0.268515)

# log1p(t) / t likewise for 0 <= t <= 1/8; within 3.2e-8.
_LOG1P_BELOW_EIGHTH = scalars(
    np.float32, 1.0, -0.49999974, 0.33326685, -0.24729295, 0.16376453
)
_LOG_EIGHTH = -math.log(8)

_GENERIC = Kernels(np)
# Products of four of these neither underflow nor overflow in float32.
_LEAST_RATIO, _MOST_RATIO = 1e-9, 1e9
_PIECE = 8192


def softplus(x: Any, value: Any, slope: Any) -> None:
    """Store `Kernels.softplus`."""
    one = np.array(1, x.dtype)
    buffers = np.zeros((3, min(x.size, CHUNK)), x.dtype)
    for x_, value_, slope_ in chunks(x.size, x, value, slope):
        t, scratch, zeros = buffers[:, : x_.size]
        highest = x_.max()
        if highest <= 0:  # as in most posteriors
            np.exp(x_, t)
            if highest < _LOG_EIGHTH and t.dtype == np.float32:
                polynomial(_LOG1P_BELOW_EIGHTH, t, value_)
                np.multiply(value_, t, value_)
            else:
                _log1p(t, value_, slope_, scratch)
            np.add(t, one, scratch)
            np.divide(t, scratch, slope_)
            continue
        np.abs(x_, t)
        np.negative(t, t)
        np.exp(t, t)
        _log1p(t, value_, slope_, scratch)
        np.add(t, one, scratch)
        np.copyto(slope_, x_ >= 0)
        np.maximum(slope_, t, out=slope_)  # 1 where x >= 0, else t
        np.divide(slope_, scratch, slope_)
        np.maximum(x_, zeros, out=t)
        np.add(value_, t, value_)


def _log1p(t: Any, out: Any, z: Any, squared: Any) -> None:
    if t.dtype != np.float32:
        np.log1p(t, out)
        return
    np.add(t, _LOG1P[0], z)
    np.divide(t, z, z)
    np.multiply(z, z, squared)
    polynomial(_LOG1P, squared, out)
    np.multiply(out, z, out)


def add_kl_normal(
    loc: Any,
    scale: Any,
    slope: Any,
    dloc: Any,
    drho: Any,
    *,
    prior_loc: Any,
    prior_scale: Any,
    weight: float,
) -> float:
    """Return the divergence of `Kernels.add_kl_normal_`; add its gradient in place.

        r² - 1 = (r - 1) (r + 1), which cancels nothing near r = 1
        drho += weight / prior_scale (r - 1 / r) slope

    The prior's arrays are flat or 0-d.
    """
    one = np.array(1, loc.dtype)
    inverse = np.asarray(1 / prior_scale, loc.dtype)
    factor = np.asarray(weight / prior_scale, loc.dtype)
    arrays = (loc, scale, slope, dloc, drho, prior_loc, prior_scale, inverse, factor)
    buffers = np.empty((3, min(loc.size, CHUNK) + 3), loc.dtype)
    total = 0.0
    for *parts, inverse_, factor_ in chunks(loc.size, *arrays):
        loc_, scale_, slope_, dloc_, drho_, prior_loc_, _ = parts
        d, r, t = buffers[:, : loc_.size]
        np.multiply(scale_, inverse_, r)
        if not (r.min() > _LEAST_RATIO and r.max() < _MOST_RATIO):
            total += _add_kl_carefully(weight, *parts)
            continue
        np.subtract(loc_, prior_loc_, d)
        np.multiply(d, inverse_, d)
        total += 0.5 * _dot(d, d)
        np.multiply(d, factor_, d)
        np.add(dloc_, d, dloc_)
        np.subtract(r, one, d)
        np.add(r, one, t)
        total += 0.5 * _dot(d, t)
        np.divide(one, r, t)
        np.subtract(r, t, t)
        np.multiply(t, factor_, t)
        np.multiply(t, slope_, t)
        np.add(drho_, t, drho_)
        total -= _sum_logs(buffers[1], loc_.size)
    return total


def _dot(x: Any, y: Any) -> float:
    """Return the inner product, by pieces too short for BLAS to wake its threads."""
    pieces = (slice(i, i + _PIECE) for i in range(0, x.size, _PIECE))
    return sum(float(np.dot(x[piece], y[piece])) for piece in pieces)


def _sum_logs(buffer: Any, size: int) -> float:
    """Return Σ log of the first elements; overwrite three more, with ones."""
    whole = -(-size // 4) * 4
    buffer[size:whole] = 1
    products = np.multiply.reduce(buffer[:whole].reshape(4, -1), axis=0)
    return float(np.add.reduce(np.log(products, products)))


def _add_kl_carefully(
    weight: float,
    loc: Any,
    scale: Any,
    slope: Any,
    dloc: Any,
    drho: Any,
    prior_loc: Any,
    prior_scale: Any,
) -> float:
    with np.errstate(divide="ignore"):  # the divergence is infinite at scale = 0
        kl, dloc[:], drho[:] = _GENERIC.add_kl_normal_(
            loc, scale, slope, prior_loc, prior_scale, weight, dloc, drho
        )
    return float(kl)


def adam(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    *,
    rate: float,
    beta1: float,
    beta2: float,
    eps: float,
    decay: float,
    step: int,
) -> None:
    """Apply `Kernels.adam_` to param, m and v.

    With root = sqrt(1 - beta2^step), the move is written
    rate root / (1 - beta1^step) m / (sqrt(v) + root eps).
    """
    root = math.sqrt(1 - beta2**step)
    keep_m, add_m, keep_v, add_v, least, factor, keep = scalars(
        param.dtype,
        *(beta1, 1 - beta1, beta2, 1 - beta2),
        *(eps * root, rate * root / (1 - beta1**step), 1 - rate * decay),
    )
    buffer = np.empty(min(param.size, CHUNK), param.dtype)
    for param_, grad_, m_, v_ in chunks(param.size, param, grad, m, v):
        t = buffer[: param_.size]
        np.multiply(m_, keep_m, m_)
        np.multiply(grad_, add_m, t)
        np.add(m_, t, m_)
        np.multiply(v_, keep_v, v_)
        np.multiply(grad_, grad_, t)
        np.multiply(t, add_v, t)
        np.add(v_, t, v_)
        np.sqrt(v_, t)
        np.add(t, least, t)
        np.divide(m_, t, t)
        np.multiply(t, factor, t)
        if decay:
            np.multiply(param_, keep, param_)
        np.subtract(param_, t, param_)


def descend(param: Any, grad: Any, *, rate: float, decay: float) -> None:
    """Apply `Kernels.sgd_` without a velocity to param."""
    rate_, decay_ = scalars(param.dtype, rate, decay)
    buffer = np.empty(min(param.size, CHUNK), param.dtype)
    for param_, grad_ in chunks(param.size, param, grad):
        move = buffer[: param_.size]
        if decay:
            np.multiply(param_, decay_, move)
            grad_ = np.add(grad_, move, move)
        np.multiply(grad_, rate_, move)
        np.subtract(param_, move, param_)


def sgd(
    param: Any,
    grad: Any,
    velocity: Any,
    *,
    rate: float,
    momentum: float,
    nesterov: bool,
    decay: float,
) -> None:
    """Apply `Kernels.sgd_` to param and velocity."""
    rate_, momentum_, decay_ = scalars(param.dtype, rate, momentum, decay)
    buffers = np.empty((2, min(param.size, CHUNK)), param.dtype)
    for param_, grad_, velocity_ in chunks(param.size, param, grad, velocity):
        total, move = buffers[:, : param_.size]
        if decay:
            np.multiply(param_, decay_, total)
            grad_ = np.add(grad_, total, total)
        np.multiply(velocity_, momentum_, velocity_)
        np.add(velocity_, grad_, velocity_)
        np.multiply(velocity_, momentum_ if nesterov else rate_, move)
        if nesterov:
            np.add(grad_, move, move)
            np.multiply(move, rate_, move)
        np.subtract(param_, move, param_)
