"""Student t prior: normal near loc, with tails that fall as a power of w.

    log f(z) = c - (df + 1) / 2 log(1 + z² / df)        g = -(df + 1) z / (df + z²)
    c = log Γ((df + 1) / 2) - log Γ(df / 2) - log(df π) / 2

With df = 1 it is the Cauchy distribution; as df grows it becomes the normal one.

Reference: Fortuin et al. (2022), "Bayesian neural network priors revisited",
arXiv:2102.06571.
"""

import math
from dataclasses import dataclass, field

from varlayers.kernels import Kernels
from varlayers.priors.location_scale import LocationScalePrior
from varlayers.types import Array

__all__ = ["StudentTPrior"]


@dataclass(frozen=True)
class StudentTPrior(LocationScalePrior):
    """Student's t with `df` degrees of freedom for every weight.

    Args:
        loc: a number, or an array that broadcasts to the weight.
        scale: > 0; a number, or an array that broadcasts to the weight. The standard
            deviation is scale sqrt(df / (df - 2)) for df > 2, and infinite below.
        width_scaled: divide `scale` by sqrt(fan_in).
        trainable: which of "loc" and "scale" are learned (empirical Bayes).
        df: degrees of freedom, finite and > 0. Fixed.

    Raises:
        ValueError: if an argument is out of range or, in use, if an array does not
            broadcast.
    """

    df: float = field(default=3.0, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.df < math.inf:
            msg = (
                f"StudentTPrior expected `df` > 0 and finite, got {self.df}. "
                "For normal tails use NormalPrior."
            )
            raise ValueError(msg)

    def standard(self, k: Kernels, z: Array) -> tuple[Array, Array]:
        df, half = self.df, (self.df + 1) / 2
        c = math.lgamma(half) - math.lgamma(df / 2) - 0.5 * math.log(df * math.pi)
        z2 = z * z
        return c - half * k.xp.log1p(z2 / df), -(df + 1) * z / (df + z2)
