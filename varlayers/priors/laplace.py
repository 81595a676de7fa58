"""Laplace prior: most weights near loc, a few far from it.

    log f(z) = -|z| - log(2)        g = -sign(z)    (0 at the cusp)

With a point posterior it is the lasso. It has a cusp at loc, which quadrature resolves
slowly; against a normal posterior the divergence is in closed form.

Reference: Williams (1995), "Bayesian regularization and pruning using a Laplace prior".
"""

import math
from dataclasses import dataclass

from varlayers.kernels import Kernels
from varlayers.priors.location_scale import LocationScalePrior
from varlayers.types import Array

__all__ = ["LaplacePrior"]


@dataclass(frozen=True)
class LaplacePrior(LocationScalePrior):
    """exp(-|w - loc| / scale) / (2 scale) for every weight.

    Args:
        loc: a number, or an array that broadcasts to the weight.
        scale: > 0, the mean of |w - loc|, the standard deviation divided by sqrt(2); a
            number, or an array that broadcasts to the weight.
        width_scaled: divide `scale` by sqrt(fan_in).
        trainable: which of "loc" and "scale" are learned (empirical Bayes).

    Raises:
        ValueError: if an argument is out of range or, in use, if an array does not
            broadcast.
    """

    def standard(self, k: Kernels, z: Array) -> tuple[Array, Array]:
        return -k.xp.abs(z) - math.log(2), -k.xp.sign(z)
