"""Divergence of a point from a normal prior: -log p(loc), so that training is MAP.

    D = Σ d² / 2 + log(scale_p) + log(2π) / 2,   d = (loc - loc_p) / scale_p
    dloc = d / scale_p

Shapes: loc has the weight's shape; the prior's arrays broadcast to it. In nats, summed
over the elements. The entropy of a point, minus infinity, is left out.
"""

import math

from varlayers.kernels import Kernels
from varlayers.types import Array, Params, Saved

__all__ = ["neg_log_prior_point_normal"]


def neg_log_prior_point_normal(
    k: Kernels, q: Saved, prior: Saved, weight: float, dparams: Params
) -> tuple[Array, dict[str, Array]]:
    """Return -log p(loc) and dparams + weight * its gradient."""
    (loc,), (prior_loc, prior_scale) = q, prior
    xp = k.xp
    scale = prior_scale + xp.zeros_like(loc)
    d = (loc - prior_loc) / scale
    value = xp.sum(0.5 * d * d + xp.log(scale) + 0.5 * math.log(2 * math.pi))
    return value, {**dparams, "loc": dparams["loc"] + weight * (d / scale)}
