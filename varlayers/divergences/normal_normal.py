"""KL divergence between a mean-field normal posterior and a normal prior.

    d = (loc - loc_p) / scale_p         dloc = d / scale_p
    r = scale / scale_p                 dscale = r / scale_p - 1 / scale
    KL = Σ (d² + r² - 1) / 2 - log r    drho = dscale ∘ slope

Shapes: loc, scale and slope have the weight's shape; the prior's broadcast to it.
In nats, summed over the elements.
"""

from varlayers.kernels import Kernels
from varlayers.types import Array, Params, Saved

__all__ = ["kl_normal_normal"]


def kl_normal_normal(
    k: Kernels, q: Saved, prior: Saved, weight: float, dparams: Params
) -> tuple[Array, dict[str, Array]]:
    """Return KL(q ‖ prior) and dparams + weight * its gradient."""
    (loc, scale, slope), (prior_loc, prior_scale) = q, prior
    kl, dloc, drho = k.add_kl_normal_(
        loc,
        scale,
        slope,
        prior_loc,
        prior_scale,
        weight,
        dparams["loc"],
        dparams["rho"],
    )
    return kl, {"loc": dloc, "rho": drho}
