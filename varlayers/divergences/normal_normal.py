"""KL divergence between a mean-field normal posterior and a normal prior.

    d = (loc - loc_p) / scale_p         dloc = d / scale_p
    r = scale / scale_p                 dscale = r / scale_p - 1 / scale
    KL = Σ (d² + r² - 1) / 2 - log r    drho = dscale ∘ slope

    by the prior                        dloc_p = -d / scale_p
                                        dlog_scale_p = 1 - d² - r²

Shapes: loc, scale and slope have the weight's shape; the prior's broadcast to it.
In nats, summed over the elements.
"""

from typing import cast

from varlayers.kernels import Kernels
from varlayers.priors import NormalPrior
from varlayers.types import Array, Comparison, Params

__all__ = ["kl_normal_normal"]


def kl_normal_normal(
    k: Kernels, pair: Comparison, weight: float, dparams: Params
) -> tuple[Array, dict[str, Array], dict[str, Array]]:
    """Return KL(q ‖ prior) and weight * its gradient, the posterior's part added."""
    prior, (loc, scale, slope) = cast("NormalPrior", pair.prior), pair.q
    loc_p, scale_p = prior.loc_and_scale(k, pair.prior_params, loc, pair.fan_in)
    kl, dloc, drho = k.add_kl_normal_(
        loc,
        scale,
        slope,
        loc_p,
        scale_p,
        weight,
        dparams["loc"],
        dparams["rho"],
    )
    dprior: dict[str, Array] = {}
    if pair.prior_params:
        d, r = (loc - loc_p) / scale_p, scale / scale_p
        both = {"loc": -weight * d / scale_p, "log_scale": weight * (1 - d * d - r * r)}
        dprior = prior.sum_to_shapes(k, {name: both[name] for name in prior.shapes})
    return kl, {"loc": dloc, "rho": drho}, dprior
