"""f-divergence by Monte Carlo: any posterior with a density, any prior with one.

    D_f(q ‖ p) = E_p f(q / p) = E_q h(t)        t = log q(w) - log p(w)

for a convex f with f(1) = 0, estimated by the mean of h over samples of q. `generators`
has the usual h, and `samples` the gradient, whose expectation is that of D_f.

The ratio is that of the whole weight. For n elements t grows like n, and then the
bounded divergences lie at their bound, with hardly any gradient, while the chi-squared
ones exceed every number. So all but the KL divergence are for weights of few elements,
a last layer or a bias, or for posteriors close to their prior. For more, `Renyi` is the
sum of one divergence for each element.

Shapes: w has the weight's shape, t is a scalar. In nats for the KL and Jensen-Shannon
divergences; the others are pure numbers.

Reference: Wan, Li & Hovakimyan (2020), "f-Divergence variational inference",
arXiv:2009.13093.
"""

from dataclasses import dataclass

from varlayers.divergences.generators import GENERATORS
from varlayers.divergences.samples import (
    OfLogRatio,
    check_num_samples,
    lacks_density,
    mean_over_samples,
)
from varlayers.kernels import Kernels
from varlayers.types import Array, Comparison, Params, Posterior, Prior

__all__ = ["FDivergence"]


@dataclass(frozen=True)
class FDivergence:
    """D_f(q ‖ p) by samples of q.

    Args:
        generator: "kl", "reverse_kl", "pearson", "neyman", "hellinger",
            "jensen_shannon" or "total_variation"; or a function of the kernels and t
            that returns h(t) = f(exp t) exp(-t) and its derivative, arrays like t. A
            model that is saved needs a name, or an instance of a registered class.
        num_samples: how many, >= 1.

    Raises:
        TypeError: if `generator` is no name and cannot be called.
        ValueError: if the name is unknown, or `num_samples` not an integer >= 1.

    Example:
        >>> import varlayers as vl
        >>> hellinger = vl.FDivergence("hellinger", num_samples=4)
        >>> layer = vl.Dense(3, 1, divergence=hellinger)
        >>> float(layer.kl(layer.init(vl.key(0)))["kernel"]) < 1
        True
    """

    generator: OfLogRatio | str
    num_samples: int = 1

    def __post_init__(self) -> None:
        given = self.generator
        if isinstance(given, str) and given not in GENERATORS:
            msg = (
                f"FDivergence expected `generator` in {sorted(GENERATORS)} or a "
                f"function, got {given!r}."
            )
            raise ValueError(msg)
        if isinstance(given, type) or not (isinstance(given, str) or callable(given)):
            msg = (
                f"FDivergence expected `generator` in {sorted(GENERATORS)}, or a "
                f"function of the kernels and t, got {given!r}."
            )
            raise TypeError(msg)
        check_num_samples("FDivergence", self.num_samples)

    def needs(self, posterior: Posterior, prior: Prior) -> str | None:
        return lacks_density(posterior, prior)

    def __call__(
        self, k: Kernels, pair: Comparison, weight: float, dparams: Params
    ) -> tuple[Array, dict[str, Array], dict[str, Array]]:
        given = self.generator
        function = GENERATORS[given] if isinstance(given, str) else given
        return mean_over_samples(k, pair, weight, dparams, function)
