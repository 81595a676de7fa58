"""KL divergence from a Laplace prior, by the mean distance from its location.

With δ = m - loc_p, of any posterior with that mean distance

    forward                                  backward
    a = E|w - loc_p|
    E log p = -a / scale_p - log(2 scale_p)  dloc_p = (∂a/∂δ) / scale_p
                                             dlog_scale_p = a / scale_p - 1

the last two of E log p. For normal elements, with u = δ / (s √2),

    a = s √(2/π) exp(-u²) + δ erf(u)         ∂a/∂δ = erf(u)   ∂a/∂s = √(2/π) exp(-u²)

and for Laplace ones, of scale b = s / √2 and with r = |δ| / b,

    a = |δ| + b exp(-r)                      ∂a/∂δ = sign(δ) (1 - exp(-r))
                                             ∂a/∂s = (1 + r) exp(-r) / √2

Where s = 0, a = |δ|. `normal_marginals` has the rest.

Shapes: m, s, δ, u, b, r and a have the weight's shape; the prior's broadcast to it.

Reference: Leone, Nelson & Nottingham (1961), "The folded normal distribution".
"""

import math
from collections.abc import Callable
from typing import TypeAlias, cast

from varlayers.divergences.normal_marginals import Expected, kl_of_marginals
from varlayers.kernels import Kernels
from varlayers.priors import LaplacePrior
from varlayers.types import Array, Comparison, Params

__all__ = ["kl_laplace_laplace", "kl_normal_laplace"]

_Distance: TypeAlias = Callable[[Kernels, Array, Array], tuple[Array, Array, Array]]
_FAR = 1000.0  # exp(-1000) is 0


def kl_normal_laplace(
    k: Kernels, pair: Comparison, weight: float, dparams: Params
) -> tuple[Array, dict[str, Array], dict[str, Array]]:
    """Return KL(q ‖ prior) and weight * its gradient, the posterior's part added."""
    return _kl(k, pair, weight, dparams, _normal_distance)


def kl_laplace_laplace(
    k: Kernels, pair: Comparison, weight: float, dparams: Params
) -> tuple[Array, dict[str, Array], dict[str, Array]]:
    """Return KL(q ‖ prior) and weight * its gradient, the posterior's part added."""
    return _kl(k, pair, weight, dparams, _laplace_distance)


def _kl(
    k: Kernels, pair: Comparison, weight: float, dparams: Params, distance: _Distance
) -> tuple[Array, dict[str, Array], dict[str, Array]]:
    xp, prior = k.xp, cast("LaplacePrior", pair.prior)

    def expected(m: Array, s: Array) -> Expected:
        loc_p, scale_p = prior.loc_and_scale(k, pair.prior_params, m, pair.fan_in)
        a, da, ds = distance(k, m - loc_p, s)
        log_scale = math.log(scale_p) if isinstance(scale_p, float) else xp.log(scale_p)
        dprior = {"loc": da / scale_p, "log_scale": a / scale_p - 1}
        return (
            -a / scale_p - math.log(2) - log_scale,
            -da / scale_p,
            -ds / scale_p,
            {name: dprior[name] for name in pair.prior_params},
        )

    return kl_of_marginals(k, pair, weight, dparams, expected)


def _normal_distance(k: Kernels, delta: Array, s: Array) -> tuple[Array, Array, Array]:
    """Return a, ∂a/∂δ and ∂a/∂s of normal elements."""
    xp, positive = k.xp, s > 0
    u = delta / (xp.where(positive, s, xp.ones_like(s)) * math.sqrt(2))
    density = xp.where(positive, math.sqrt(2 / math.pi) * xp.exp(-u * u), 0 * s)
    sign = xp.where(positive, k.erf(u), xp.sign(delta))
    return s * density + delta * sign, sign, density


def _laplace_distance(k: Kernels, delta: Array, s: Array) -> tuple[Array, Array, Array]:
    """Return a, ∂a/∂δ and ∂a/∂s of Laplace elements."""
    xp, b, distance = k.xp, s / math.sqrt(2), k.xp.abs(delta)
    near = _FAR * b > distance
    r = xp.where(near, distance / xp.where(near, b, xp.ones_like(b)), _FAR + 0 * b)
    tail = xp.exp(-r)
    slope = (1 + r) * tail / math.sqrt(2)
    return distance + b * tail, -xp.sign(delta) * xp.expm1(-r), slope
