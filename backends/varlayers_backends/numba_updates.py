"""Compiled updates of parameters: every rule in one loop.

As in `numba_passes`. The rules are those of `varlayers.optimizer_kernels`.
"""

import math
from typing import Any

import numpy as np

from varlayers_backends.numba_fork import fork
from varlayers_backends.numba_math import inner, kernel
from varlayers_backends.numba_passes import GRAIN

__all__ = ["adam", "sgd"]


@kernel
def adam(team: Any, param: Any, grad: Any, m: Any, v: Any, *numbers: float) -> None:
    """Apply `Kernels.adam_`, given rate, beta1, beta2, eps, decay and step.

    With root = sqrt(1 - beta2^step), the last line is written

        param = keep param - factor m / (√v + least)
        keep = 1 - rate decay    factor = rate root / (1 - beta1^step)
        least = eps root
    """
    rate, beta1, beta2, eps, decay, step = numbers
    root = math.sqrt(1 - beta2**step)
    factors = beta1, beta2, eps * root, rate * root / (1 - beta1**step)
    rest = (*factors, 1 - rate * decay)
    fork(team, _adam, (param, grad, m, v), rest, param.shape[0], GRAIN)


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
    tiny, zero = np.finfo(param.dtype).tiny, dtype(0)
    for i in range(param.shape[0]):
        moment = keep_m * m[i] + add_m * grad[i]
        m[i] = zero if abs(moment) < tiny else moment
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
