"""KL divergence by Monte Carlo: any posterior with a density, any prior with one.

    D = Σ_i t_i / n,    t_i = log q(w_i) - log p(w_i)

`samples` has the samples and the gradient, whose expectation is that of the divergence.
D may be negative; its mean is not.

With one sample the noise is that of the forward pass, where the estimator has noise for
the weight itself (reparameterization, Flipout), so the loss is one draw of
log p(data | w) + log p(w) - log q(w) at one w. Otherwise it has noise of its own.

Shapes: w_i has the weight's shape. In nats, summed over the elements.

Reference: Blundell, Cornebise, Kavukcuoglu & Wierstra (2015), "Weight uncertainty in
neural networks", arXiv:1505.05424.
"""

from dataclasses import dataclass

from varlayers.divergences.generators import GENERATORS
from varlayers.divergences.samples import (
    check_num_samples,
    lacks_density,
    mean_over_samples,
)
from varlayers.kernels import Kernels
from varlayers.types import Array, Comparison, Params, Posterior, Prior

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
        check_num_samples("MonteCarlo", self.num_samples)

    def needs(self, posterior: Posterior, prior: Prior) -> str | None:
        return lacks_density(posterior, prior)

    def __call__(
        self, k: Kernels, pair: Comparison, weight: float, dparams: Params
    ) -> tuple[Array, dict[str, Array], dict[str, Array]]:
        return mean_over_samples(k, pair, weight, dparams, GENERATORS["kl"])
