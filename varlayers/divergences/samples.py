"""The mean over samples of a function of the log-density ratio, with its gradient.

    forward                               backward
    w_i = sample(q, ε_i)                  dt_i = dlog q - (the sample's backward of dw),
    t_i = log q(w_i) - log p(w_i)                dw = ∂log p(w_i)
    D = Σ_i h(t_i) / n                    d = Σ_i h'(t_i) dt_i / n

where dlog q is the total gradient of log q(w_i) at fixed noise, through w_i and through
q itself. So the gradient is that of D as a function of the parameters, at this noise.
The prior's parameters have -h'(t_i) ∂log p(w_i) / n.

Shapes: w_i has the weight's shape, t_i and h are scalars: the ratio is that of the
whole weight.
"""

from collections.abc import Callable
from typing import TypeAlias, cast

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

__all__ = ["OfLogRatio", "check_num_samples", "lacks_density", "mean_over_samples"]

OfLogRatio: TypeAlias = Callable[[Kernels, Array], tuple[Array, Array]]


def check_num_samples(owner: str, value: object) -> None:
    """Raise ValueError unless it is an integer >= 1."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        msg = f"{owner} expected an integer `num_samples` >= 1, got {value!r}."
        raise ValueError(msg)


def lacks_density(posterior: Posterior, prior: Prior) -> str | None:
    """Return what a log-density ratio needs and the pair has not, or None."""
    if not getattr(posterior, "has_density", False):
        return "a posterior with a density"
    return None if hasattr(prior, "log_prob") else "a prior with a density"


def mean_over_samples(
    k: Kernels, pair: Comparison, weight: float, dparams: Params, function: OfLogRatio
) -> tuple[Array, dict[str, Array], dict[str, Array]]:
    """Return D and weight * its gradient, the posterior's part added.

    Args:
        k: the kernels.
        pair: posterior and prior, and the noise of each sample.
        weight: of the gradient.
        dparams: what the gradient is added to.
        function: from t, h(t) and h'(t).
    """
    posterior = cast("RandomPosterior", pair.posterior)
    prior = cast("DensityPrior", pair.prior)
    total: Array = 0.0
    grads: dict[str, Array] = dict(dparams)
    dprior: dict[str, Array] = {}
    for eps in pair.noise:
        log_q, dq = posterior.log_density_at(k, pair.q, eps)
        w = posterior.sample(k, pair.q, eps)
        log_p, dw, dparts = prior.log_prob(k, pair.prior_params, w, pair.fan_in)
        dw = posterior.sample_backward(k, pair.q, eps, dw)
        value, slope = function(k, log_q - log_p)
        share = slope * (weight / len(pair.noise))
        grads = {n: g + share * (dq[n] - dw[n]) for n, g in grads.items()}
        dprior = {n: dprior.get(n, 0.0) - share * d for n, d in dparts.items()}
        total = total + value
    return total / len(pair.noise), grads, dprior
