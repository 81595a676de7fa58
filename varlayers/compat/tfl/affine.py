"""The normal that a call of a layer of `tfp.layers` drew from, and the draw.

                            distribution               draw
    Flipout                 N(0, scale²)               scale ε, before the signs
    Local                   N(f(x, loc), f(x², scale²)) the output before the bias
    Reparameterization      none                       none

Where the mean is asked for, the draw is that of the distribution.
"""

from varlayers.compat.held import Marginals
from varlayers.compat.way_back import WayBack
from varlayers.dispatch import kernels_for
from varlayers.estimators import Flipout, LocalReparameterization
from varlayers.types import Array

__all__ = ["affine_draw", "affine_marginals"]


def affine_marginals(way: WayBack) -> Marginals | None:
    """Return mean and standard deviation of what a call drew, if it is one normal."""
    layer = way.owner.bilinear
    k, rule = kernels_for(way.y), layer.estimator
    params = way.params.get("0", way.params)
    weights = layer.weights(params)["kernel"]
    loc, scale = weights["loc"], weights["scale"]
    if isinstance(rule, Flipout):
        return Marginals(k.xp.zeros_like(loc), scale)
    if isinstance(rule, LocalReparameterization):
        m, v = layer.map.moments(k, way.x, loc, scale * scale)
        return Marginals(m, k.xp.sqrt(v))
    return None


def affine_draw(way: WayBack) -> Array | None:
    """Return what a call drew of `affine_marginals`; None where that is None."""
    found, noise = affine_marginals(way), way.noise
    if found is None:
        return None
    if "output" in noise:
        return found.loc + found.scale * noise["output"]
    if "signs_in" in noise:
        layer, k = way.owner.bilinear, kernels_for(way.y)
        params = way.params.get("0", way.params)
        q = layer.posterior.constrain(k, params["kernel"])
        delta: Array = layer.posterior.perturb(k, q, noise["kernel"])[1]
        return delta
    return found.loc
