"""Divergence of a rank-1 posterior: KL of its factors, and -log p at its point.

The weight is w = loc ∘ (r sᵀ) with normal r and s, and a loc that is a point. So r and
s are compared with a prior N(1, t²) of their own, `Rank1Normal.prior_scale` = t, and
the prior of the weight is that of loc, as in MAP:

    D = -log p(loc) + Σᵢ KLᵢ + Σₒ KLₒ          dloc = -∂log p / ∂w
    KL(N(1, σ²) ‖ N(1, t²))                    dσ = σ / t² - 1 / σ
      = (σ² / t² - 1) / 2 - log(σ / t)         drho = dσ ∘ slope

Shapes: loc has the weight's shape; σ (i,) for the rows and (o,) for the columns. In
nats, summed over the elements.

Reference: Dusenberry, Jerfel, Wen, Ma, Snoek, Heller, Lakshminarayanan & Tran (2020),
"Efficient and scalable Bayesian neural nets with rank-1 factors", arXiv:2005.07186.
"""

import math
from typing import cast

from varlayers.kernels import Kernels
from varlayers.posteriors import Rank1Normal
from varlayers.types import Array, Comparison, DensityPrior, Params

__all__ = ["kl_rank1"]


def kl_rank1(
    k: Kernels, pair: Comparison, weight: float, dparams: Params
) -> tuple[Array, dict[str, Array], dict[str, Array]]:
    """Return the divergence and weight * its gradient, the posterior's part added."""
    posterior = cast("Rank1Normal", pair.posterior)
    prior, t = cast("DensityPrior", pair.prior), posterior.prior_scale
    loc, *factors = pair.q
    log_p, dw, dprior = prior.log_prob(k, pair.prior_params, loc, pair.fan_in)
    value, grads = -log_p, dict(dparams)
    grads["loc"] = grads["loc"] - weight * dw
    for name, scale, slope in (
        ("row_rho", *factors[:2]),
        ("column_rho", *factors[2:]),
    ):
        log_scale, dlog_scale = posterior.log_scales(k, scale, slope)
        ratio, n = scale / t, scale.shape[0]
        value = value + 0.5 * k.xp.sum(ratio * ratio) - log_scale
        value = value + n * (math.log(t) - 0.5)
        grads[name] = grads[name] + weight * (ratio / t * slope - dlog_scale)
    return value, grads, {name: -weight * grad for name, grad in dprior.items()}
