"""Compiled passes over outputs: every operation in one loop.

As in `numba_passes`, but where the channels matter arrays are rows of them. The
formulas are those of `varlayers.output_kernels`.
"""

import math
from typing import Any

from varlayers_backends.numba_fork import fork
from varlayers_backends.numba_math import exp, inner, kernel, log
from varlayers_backends.numba_passes import GRAIN

__all__ = [
    "add_channels",
    "cross_entropy",
    "local_noise",
    "local_noise_backward",
    "log_softmax",
    "relu",
    "relu_backward",
    "sum_channels",
]


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
def add_channels(team: Any, y: Any, b: Any) -> None:
    """Apply `Kernels.add_channels_` to rows."""
    fork(team, _add_channels, (y,), (b,), y.shape[0], GRAIN // y.shape[1] + 1)


@inner
def _add_channels(start: int, y: Any, b: Any) -> None:
    for row in range(y.shape[0]):
        part = y[row]
        for i in range(b.shape[0]):
            part[i] += b[i]


@kernel
def sum_channels(team: Any, dy: Any, sums: Any, total: Any, grain: int) -> None:
    """Store the sum of rows; `sums` has a row for every `grain` of them."""
    sums[:] = dy.dtype.type(0)
    fork(team, _sum_channels, (dy,), (sums, grain), dy.shape[0], grain)
    total[:] = dy.dtype.type(0)
    _sum_channels(0, sums, total.reshape((1, total.shape[0])), sums.shape[0])


@inner
def _sum_channels(start: int, dy: Any, sums: Any, grain: int) -> None:
    total = sums[start // grain]
    for row in range(dy.shape[0]):
        part = dy[row]
        for i in range(total.shape[0]):
            total[i] += part[i]


@kernel
def relu(team: Any, x: Any, y: Any) -> None:
    """Store `Kernels.relu`."""
    fork(team, _relu, (x, y), (), x.shape[0], GRAIN)


@inner
def _relu(start: int, x: Any, y: Any) -> None:
    zero = x.dtype.type(0)
    for i in range(x.shape[0]):
        y[i] = zero if x[i] < zero else x[i]


@kernel
def relu_backward(team: Any, y: Any, dy: Any, out: Any) -> None:
    """Store `Kernels.relu_backward`."""
    fork(team, _relu_backward, (y, dy, out), (), y.shape[0], GRAIN)


@inner
def _relu_backward(start: int, y: Any, dy: Any, out: Any) -> None:
    zero = y.dtype.type(0)
    for i in range(y.shape[0]):
        out[i] = dy[i] if y[i] > zero else zero


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
        total = log(total) if total >= 1 else total  # NaN, which `log` does not take
        for i in range(z.shape[0]):
            p[i] -= total


@kernel
def cross_entropy(
    team: Any, logits: Any, targets: Any, value: Any, gradient: Any
) -> None:
    """Store `Kernels.cross_entropy` of rows."""
    fork(
        team,
        _cross_entropy,
        (logits, targets, value, gradient),
        (),
        logits.shape[0],
        GRAIN // logits.shape[1] + 1,
    )


@inner
def _cross_entropy(
    start: int, logits: Any, targets: Any, value: Any, gradient: Any
) -> None:
    _log_softmax(start, logits, gradient)
    zero = logits.dtype.type(0)
    for row in range(value.shape[0]):
        t, g = targets[row], gradient[row]
        entropy = total = zero
        for i in range(t.shape[0]):
            entropy += t[i] * g[i] if t[i] != zero else zero
            total += t[i]
        value[row] = -entropy
        for i in range(t.shape[0]):
            g[i] = exp(g[i]) * total - t[i]
