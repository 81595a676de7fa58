"""Log-uniform prior: p(w) ∝ 1 / |w|, every order of magnitude alike.

It is improper: it has no constant, and so no density to evaluate, and -log p falls
without end as w goes to 0. Only a divergence in closed form knows it. With that,
weights whose noise outgrows their mean cost nothing, and training leaves many there.

Reference: Kingma, Salimans & Welling (2015), "Variational dropout and the local
reparameterization trick", arXiv:1506.02557.
"""

from dataclasses import dataclass

from varlayers.kernels import Kernels
from varlayers.types import Array, Shape

__all__ = ["LogUniformPrior"]


@dataclass(frozen=True)
class LogUniformPrior:
    """1 / |w| for every weight, up to a constant: the prior of sparse dropout."""

    @property
    def shapes(self) -> dict[str, Shape]:
        return {}

    def init(self, k: Kernels, like: Array) -> dict[str, Array]:
        return {}
