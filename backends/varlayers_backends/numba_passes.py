"""Compiled passes over weights and outputs: every operation in one loop.

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
    "adam",
    "add_kl_normal",
    "local_noise",
    "local_noise_backward",
    "log_softmax",
    "product",
    "sample_normal",
    "sgd",
    "softplus",
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
def sample_normal(team: Any, loc: Any, scale: Any, eps: Any, out: Any) -> None:
    """Store loc + scale eps."""
    fork(team, _sample_normal, (loc, scale, eps, out), (), loc.shape[0], GRAIN)


@inner
def _sample_normal(start: int, loc: Any, scale: Any, eps: Any, out: Any) -> None:
    for i in range(out.shape[0]):
        out[i] = loc[i] + scale[i] * eps[i]


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
def add_kl_normal(
    team: Any,
    loc: Any,
    scale: Any,
    slope: Any,
    dloc: Any,
    drho: Any,
    sums: Any,
    *numbers: float,
) -> None:
    """Add the gradient of `Kernels.add_kl_normal_`; store the divergence by blocks.

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


@kernel
def local_noise(team: Any, mean: Any, variance: Any, eps: Any, y: Any, s: Any) -> None:
    """Store `Kernels.local_noise`."""
    fork(team, _local_noise, (mean, variance, eps, y, s), (), mean.shape[0], GRAIN)


@inner
def _local_noise(
    start: int, mean: Any, variance: Any, eps: Any, y: Any, s: Any
) -> None:
    for i in range(y.shape[0]):
        s[i] = math.sqrt(variance[i])
        y[i] = mean[i] + s[i] * eps[i]


@kernel
def local_noise_backward(team: Any, s: Any, eps: Any, dy: Any, out: Any) -> None:
    """Store `Kernels.local_noise_backward`."""
    fork(team, _local_noise_backward, (s, eps, dy, out), (), s.shape[0], GRAIN)


@inner
def _local_noise_backward(start: int, s: Any, eps: Any, dy: Any, out: Any) -> None:
    dtype = s.dtype.type
    zero, two = dtype(0), dtype(2)
    for i in range(out.shape[0]):
        out[i] = dy[i] * eps[i] / (two * s[i]) if s[i] > zero else zero


@kernel
def log_softmax(team: Any, logits: Any, out: Any) -> None:
    """Store `Kernels.log_softmax` of rows."""
    fork(
        team,
        _log_softmax,
        (logits, out),
        (),
        logits.shape[0],
        GRAIN // logits.shape[1] + 1,
    )


@inner
def _log_softmax(start: int, logits: Any, out: Any) -> None:
    for row in range(out.shape[0]):
        z, p = logits[row], out[row]
        largest = z[0]
        for i in range(z.shape[0]):
            largest = z[i] if z[i] > largest else largest
        total = z.dtype.type(0)
        for i in range(z.shape[0]):
            p[i] = z[i] - largest
            total += exp(p[i])
        total = log(total)
        for i in range(z.shape[0]):
            p[i] -= total


@kernel
def adam(team: Any, param: Any, grad: Any, m: Any, v: Any, *numbers: float) -> None:
    """Apply `Kernels.adam_`, with its last line written as follows.

    param = keep param - factor m / (√v + least)
    """
    fork(team, _adam, (param, grad, m, v), numbers, param.shape[0], GRAIN)


@inner
def _adam(
    start: int,
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    beta1: float,
    beta2: float,
    least: float,
    factor: float,
    keep: float,
) -> None:
    dtype = param.dtype.type
    keep_m, add_m = dtype(beta1), dtype(1 - beta1)
    keep_v, add_v = dtype(beta2), dtype(1 - beta2)
    least_, factor_, keep_ = dtype(least), dtype(factor), dtype(keep)
    for i in range(param.shape[0]):
        m[i] = keep_m * m[i] + add_m * grad[i]
        v[i] = keep_v * v[i] + add_v * (grad[i] * grad[i])
        param[i] = keep_ * param[i] - factor_ * (m[i] / (math.sqrt(v[i]) + least_))


@kernel
def sgd(team: Any, param: Any, grad: Any, velocity: Any, *numbers: float) -> None:
    """Apply `Kernels.sgd_` to param and velocity.

    The move is of_grad grad + of_velocity velocity: 1 and momentum for nesterov,
    else 0 and 1.
    """
    fork(team, _sgd, (param, grad, velocity), numbers, param.shape[0], GRAIN)


@inner
def _sgd(
    start: int,
    param: Any,
    grad: Any,
    velocity: Any,
    rate: float,
    momentum: float,
    of_grad: float,
    of_velocity: float,
    decay: float,
) -> None:
    dtype = param.dtype.type
    rate_, momentum_, decay_ = dtype(rate), dtype(momentum), dtype(decay)
    of_grad_, of_velocity_ = dtype(of_grad), dtype(of_velocity)
    for i in range(param.shape[0]):
        total = grad[i] + decay_ * param[i]
        velocity[i] = momentum_ * velocity[i] + total
        param[i] -= rate_ * (of_grad_ * total + of_velocity_ * velocity[i])
