"""Divergence of a point from any prior: -log p(loc), so that training is MAP.

    D = -log p(loc)        dloc = -∂log p / ∂w        dprior = -∂log p / ∂prior

Shapes: loc has the weight's shape. In nats, summed over the elements. The entropy of a
point, minus infinity, is left out.
"""

from typing import cast

from varlayers.kernels import Kernels
from varlayers.types import Array, Comparison, DensityPrior, Params

__all__ = ["neg_log_prior"]


def neg_log_prior(
    k: Kernels, pair: Comparison, weight: float, dparams: Params
) -> tuple[Array, dict[str, Array], dict[str, Array]]:
    """Return -log p(loc) and weight * its gradient, the posterior's part added."""
    prior = cast("DensityPrior", pair.prior)
    log_p, dw, dprior = prior.log_prob(k, pair.prior_params, pair.q[0], pair.fan_in)
    dq = pair.posterior.mean_backward(k, dw)
    return (
        -log_p,
        {name: grad - weight * dq[name] for name, grad in dparams.items()},
        {name: -weight * grad for name, grad in dprior.items()},
    )
