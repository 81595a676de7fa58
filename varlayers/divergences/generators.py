"""Generators of f-divergences, as functions of the log-density ratio t = log q - log p.

    D_f(q ‖ p) = E_p f(q / p) = E_q h(t)      h(t) = f(exp t) exp(-t),   u = exp(-t)

    name             divergence           h                      h'
    kl               KL(q ‖ p)            t                      1
    reverse_kl       KL(p ‖ q)            1 - (1 + t) u          t u
    pearson          ∫ (q - p)² / p       1 / u - 1              1 / u
    neyman           ∫ (q - p)² / q       (1 - u)²               2 u (1 - u)
    hellinger        1 - ∫ √(q p)         1 - √u                 √u / 2
    jensen_shannon   (KL(q ‖ m) + KL(p ‖ m)) / 2
                     (a + u b) / 2                               -u b / 2
    total_variation  ∫ |q - p| / 2        max(0, 1 - u)          u, 0 where t <= 0

with m = (q + p) / 2, a = log 2 - log(1 + u) and b = log 2 - log(1 + 1 / u). The same f
may have many h, which differ by c (u - 1), of mean 0. Here reverse_kl, neyman,
jensen_shannon and total_variation are >= 0 for every t, hence for every sample.
pearson and neyman are the two chi-squared divergences; hellinger is the squared one.
Where total_variation bends, at t = 0, it is continuous, so the mean of its gradient is
the gradient of its mean.

An exponential would overflow: exp(x) goes on along its tangent from x = c, a quarter of
the largest exponent, 22 in float32 and 177 in float64. So nothing overflows for |t| up
to 1e9, and h' is still the derivative of h. As t grows without end hellinger and
total_variation reach their bound, 1, and jensen_shannon the half of its own, log 2,
that samples of q see; with slope 0.

Shapes: t, h and h' alike; t is of the whole weight, a scalar.

References: Csiszár (1967), "Information-type measures of difference of probability
distributions and indirect observations"; Wan, Li & Hovakimyan (2020), "f-Divergence
variational inference", arXiv:2009.13093.
"""

import math

from varlayers.divergences.samples import OfLogRatio
from varlayers.kernels import Kernels
from varlayers.types import Array

__all__ = ["GENERATORS"]

_LOG_2 = math.log(2)
_FAR = 1000.0  # exp(-1000) is 0


def _kl(k: Kernels, t: Array) -> tuple[Array, Array]:
    return t, k.xp.ones_like(t)


def _reverse_kl(k: Kernels, t: Array) -> tuple[Array, Array]:
    t = k.xp.clip(t, None, _FAR)
    less, du = _expm1(k, -t)
    return -t - less - t * less, (1 + t) * du - (1 + less)


def _pearson(k: Kernels, t: Array) -> tuple[Array, Array]:
    return _expm1(k, t)


def _neyman(k: Kernels, t: Array) -> tuple[Array, Array]:
    less, du = _expm1(k, -t)
    return less * less, -2 * less * du


def _hellinger(k: Kernels, t: Array) -> tuple[Array, Array]:
    less, droot = _expm1(k, -0.5 * t)
    return -less, 0.5 * droot


def _jensen_shannon(k: Kernels, t: Array) -> tuple[Array, Array]:
    t = k.xp.clip(t, None, _FAR)
    less, du = _expm1(k, -t)
    (above, up), (below, down) = k.softplus(t), k.softplus(-t)
    value = 0.5 * (_LOG_2 - below + (1 + less) * (_LOG_2 - above))
    return value, 0.5 * (down - du * (_LOG_2 - above) - (1 + less) * up)


def _total_variation(k: Kernels, t: Array) -> tuple[Array, Array]:
    xp = k.xp
    less, u = _expm1(k, -xp.clip(t, 0.0, None))
    return -less, xp.where(t > 0, u, xp.zeros_like(u))


GENERATORS: dict[str, OfLogRatio] = {
    "hellinger": _hellinger,
    "jensen_shannon": _jensen_shannon,
    "kl": _kl,
    "neyman": _neyman,
    "pearson": _pearson,
    "reverse_kl": _reverse_kl,
    "total_variation": _total_variation,
}


def _expm1(k: Kernels, x: Array) -> tuple[Array, Array]:
    """Return exp(x) - 1, beyond c its tangent there, and its slope."""
    c = 0.25 * math.log(float(k.xp.finfo(x.dtype).max))
    near = k.xp.clip(x, None, c)
    slope = k.xp.exp(near)
    return k.xp.expm1(near) + slope * k.xp.clip(x - c, 0.0, None), slope
