"""Student t prior: normal near loc, with tails that fall as a power of w.

    log f(z) = c - (df + 1) / 2 l        l = log(1 + z² / df)
    c = log Γ((df + 1) / 2) - log Γ(df / 2) - log(df π) / 2

    g = -(df + 1) z / (df + z²)
    dlog_df = df (ψ((df + 1) / 2) - ψ(df / 2) - l) / 2 - 1 / 2
              + (df + 1) z² / (df + z²) / 2

with the digamma function ψ. With df = 1 it is the Cauchy distribution; as df grows it
becomes the normal one. A df that is learned is the parameter `log_df`, a scalar.

Shapes: z, l and g alike.

Reference: Fortuin et al. (2022), "Bayesian neural network priors revisited",
arXiv:2102.06571.
"""

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from varlayers.kernels import Kernels
from varlayers.priors.location_scale import LocationScalePrior
from varlayers.types import Array, Params

__all__ = ["StudentTPrior"]


@dataclass(frozen=True)
class StudentTPrior(LocationScalePrior):
    """Student's t with `df` degrees of freedom for every weight.

    Args:
        loc: a number, or an array that broadcasts to the weight.
        scale: > 0; a number, or an array that broadcasts to the weight. The standard
            deviation is scale sqrt(df / (df - 2)) for df > 2, and infinite below.
        width_scaled: divide `scale` by sqrt(fan_in).
        trainable: which of "loc", "scale" and "df" are learned (empirical Bayes).
        df: degrees of freedom, finite and > 0.

    Raises:
        ValueError: if an argument is out of range or, in use, if an array does not
            broadcast.
    """

    df: float = field(default=3.0, kw_only=True)

    learnable: ClassVar[dict[str, str]] = {
        **LocationScalePrior.learnable,
        "df": "log_df",
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.df < math.inf:
            msg = (
                f"StudentTPrior expected `df` > 0 and finite, got {self.df}. "
                "For normal tails use NormalPrior."
            )
            raise ValueError(msg)

    def starts(self) -> dict[str, Any]:
        return {**super().starts(), "log_df": np.log(np.float64(self.df))}

    def standard(self, k: Kernels, z: Array) -> tuple[Array, Array]:
        df = self.df
        c = math.lgamma((df + 1) / 2) - math.lgamma(df / 2)
        log_f, g, _ = _of_df(k, df, c - 0.5 * math.log(df * math.pi), z)
        return log_f, g

    def shaped(
        self, k: Kernels, params: Params, z: Array
    ) -> tuple[Array, Array, dict[str, Array]]:
        if "log_df" not in params:
            return super().shaped(k, params, z)
        log_df = params["log_df"]
        df = k.xp.exp(log_df)
        c = k.gammaln((df + 1) / 2) - k.gammaln(df / 2)
        log_f, g, log = _of_df(k, df, c - 0.5 * (log_df + math.log(math.pi)), z)
        dc = k.digamma((df + 1) / 2) - k.digamma(df / 2)
        return log_f, g, {"log_df": 0.5 * (df * (dc - log) - 1 - g * z)}


def _of_df(k: Kernels, df: Any, c: Any, z: Array) -> tuple[Array, Array, Array]:
    """Return log f(z), g and l."""
    z2 = z * z
    log = k.xp.log1p(z2 / df)
    return c - (df + 1) / 2 * log, -(df + 1) * z / (df + z2), log
