"""KL divergence by Monte Carlo: any posterior with a density, any prior with one.

    forward                               backward
    w_i = sample(q, ε_i)                  d_i = dlog q - (the sample's backward of dw)
    D = Σ_i (log q(w_i) - log p(w_i)) / n,     dw = ∂log p(w_i)

where dlog q is the total gradient of log q(w_i) at fixed noise, through w_i and through
q itself. So the gradient is that of D as a function of the parameters, at this noise;
its expectation is that of the divergence. D may be negative; its mean is not.

With one sample the noise is that of the forward pass, where the estimator has noise for
the weight itself (reparameterization, Flipout), so the loss is one draw of
log p(data | w) + log p(w) - log q(w) at one w. Otherwise it has noise of its own.

Shapes: w_i has the weight's shape. In nats, summed over the elements.

Reference: Blundell, Cornebise, Kavukcuoglu & Wierstra (2015), "Weight uncertainty in
neural networks", arXiv:1505.05424.
"""

from dataclasses import dataclass
from typing import cast

from varlayers.kernels import Kernels
from varlayers.types import (
    Array,
    Comparison,
    DensityPrior,
    Params,
    Posterior,
    Prior,
    RandomPosterior,
)

__all__ = ["MonteCarlo"]


@dataclass(frozen=True)
class MonteCarlo:
    """KL by samples of log q(w) - log p(w).

    Args:
        num_samples: how many, >= 1.

    Raises:
        ValueError: if `num_samples` is not an integer >= 1.
    """

    num_samples: int = 1

    def __post_init__(self) -> None:
        given = self.num_samples
        if isinstance(given, bool) or not isinstance(given, int) or given < 1:
            msg = f"MonteCarlo expected an integer `num_samples` >= 1, got {given!r}."
            raise ValueError(msg)

    def needs(self, posterior: Posterior, prior: Prior) -> str | None:
        if not getattr(posterior, "has_density", False):
            return "a posterior with a density"
        return None if hasattr(prior, "log_prob") else "a prior with a density"

    def __call__(
        self, k: Kernels, pair: Comparison, weight: float, dparams: Params
    ) -> tuple[Array, dict[str, Array], dict[str, Array]]:
        posterior = cast("RandomPosterior", pair.posterior)
        prior = cast("DensityPrior", pair.prior)
        total: Array = 0.0
        grads: dict[str, Array] = dict(dparams)
        dprior: dict[str, Array] = {}
        share = weight / len(pair.noise)
        for eps in pair.noise:
            log_q, dq = posterior.log_density_at(k, pair.q, eps)
            w = posterior.sample(k, pair.q, eps)
            log_p, dw, dparts = prior.log_prob(k, pair.prior_params, w, pair.fan_in)
            dw = posterior.sample_backward(k, pair.q, eps, dw)
            grads = {n: g + share * (dq[n] - dw[n]) for n, g in grads.items()}
            dprior = {n: dprior.get(n, 0.0) - share * d for n, d in dparts.items()}
            total = total + log_q - log_p
        return total / len(pair.noise), grads, dprior
