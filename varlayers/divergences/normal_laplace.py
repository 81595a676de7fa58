"""KL divergence between a posterior with normal elements and a Laplace prior.

With δ = m - loc_p and u = δ / (s √2):

    forward                                  backward
    a = E|w - loc_p|                         da/dm = erf(u)
      = s √(2/π) exp(-u²) + δ erf(u)         da/ds = √(2/π) exp(-u²)
    E log p = -a / scale_p - log(2 scale_p)  dloc_p = erf(u) / scale_p
                                             dlog_scale_p = a / scale_p - 1

the last two of E log p. Where s = 0, a = |δ|. `normal_marginals` has the rest.

Shapes: m, s, δ, u and a have the weight's shape; the prior's broadcast to it.

Reference: Leone, Nelson & Nottingham (1961), "The folded normal distribution".
"""

import math
from typing import cast

from varlayers.divergences.normal_marginals import Expected, kl_of_marginals
from varlayers.kernels import Kernels
from varlayers.priors import LaplacePrior
from varlayers.types import Array, Comparison, Params

__all__ = ["kl_normal_laplace"]


def kl_normal_laplace(
    k: Kernels, pair: Comparison, weight: float, dparams: Params
) -> tuple[Array, dict[str, Array], dict[str, Array]]:
    """Return KL(q ‖ prior) and weight * its gradient, the posterior's part added."""
    xp, prior = k.xp, cast("LaplacePrior", pair.prior)

    def expected(m: Array, s: Array) -> Expected:
        loc_p, scale_p = prior.loc_and_scale(k, pair.prior_params, m, pair.fan_in)
        delta, positive = m - loc_p, s > 0
        u = delta / (xp.where(positive, s, xp.ones_like(s)) * math.sqrt(2))
        density = xp.where(positive, math.sqrt(2 / math.pi) * xp.exp(-u * u), 0 * s)
        sign = xp.where(positive, k.erf(u), xp.sign(delta))
        a = s * density + delta * sign
        log_scale = math.log(scale_p) if isinstance(scale_p, float) else xp.log(scale_p)
        dprior = {"loc": sign / scale_p, "log_scale": a / scale_p - 1}
        return (
            -a / scale_p - math.log(2) - log_scale,
            -sign / scale_p,
            -density / scale_p,
            {name: dprior[name] for name in pair.prior_params},
        )

    return kl_of_marginals(k, pair, weight, dparams, expected)
