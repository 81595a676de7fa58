"""KL divergence of any posterior with a known entropy from a normal prior.

The logarithm of a normal density is quadratic, so its mean needs no more of the
posterior than the mean m and variance v of each element, however they depend on one
another and whether or not they are normal:

    forward                                backward
    d  = (m - loc_p) / scale_p             dm = d / scale_p
    c  = d² + v / scale_p²                 dv = 1 / (2 scale_p²)
    KL = -H + Σ c / 2 + log(scale_p)       dq = the moments' backward of dm, dv; - dH
              + log(2π) / 2
    by the prior                           dloc_p = -d / scale_p
                                           dlog_scale_p = 1 - c

Shapes: m, v, c and d have the weight's shape; the prior's broadcast to it. In nats,
summed over the elements.
"""

import math
from typing import cast

from varlayers.kernels import Kernels
from varlayers.priors import NormalPrior
from varlayers.types import Array, Comparison, Params, RandomPosterior

__all__ = ["kl_moments_normal"]


def kl_moments_normal(
    k: Kernels, pair: Comparison, weight: float, dparams: Params
) -> tuple[Array, dict[str, Array], dict[str, Array]]:
    """Return KL(q ‖ prior) and weight * its gradient, the posterior's part added."""
    posterior = cast("RandomPosterior", pair.posterior)
    prior, xp = cast("NormalPrior", pair.prior), k.xp
    m, v = posterior.moments(k, pair.q)
    loc_p, scale_p = prior.loc_and_scale(k, pair.prior_params, m, pair.fan_in)
    scale_p = scale_p + xp.zeros_like(m)
    d, precision = (m - loc_p) / scale_p, 1 / (scale_p * scale_p)
    c = d * d + v * precision
    entropy, dentropy = posterior.entropy(k, pair.q)
    dq = posterior.moments_backward(k, pair.q, d / scale_p, 0.5 * precision)
    each = 0.5 * c + xp.log(scale_p) + 0.5 * math.log(2 * math.pi)
    both = {"loc": -weight * d / scale_p, "log_scale": weight * (1 - c)}
    return (
        xp.sum(each) - entropy,
        {n: grad + weight * (dq[n] - dentropy[n]) for n, grad in dparams.items()},
        prior.sum_to_shapes(k, {name: both[name] for name in prior.shapes}),
    )
