"""A prior that keeps its parameters and its peace: of a layer held at its mean.

Such a layer takes the parameters of the layer that it came from, those that the prior
learns included, and has no divergence. Shapes: those of the prior inside.
"""

from dataclasses import dataclass

from varlayers.kernels import Kernels
from varlayers.types import Array, Prior, Shape

__all__ = ["Unused"]


@dataclass(frozen=True)
class Unused:
    """Another prior, on the same parameters, that nothing is compared with.

    Args:
        prior: the prior whose parameters are kept.
    """

    prior: Prior

    @property
    def shapes(self) -> dict[str, Shape]:
        return self.prior.shapes

    def init(self, k: Kernels, like: Array) -> dict[str, Array]:
        return self.prior.init(k, like)
