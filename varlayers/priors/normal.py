"""Normal prior: independent w ~ N(loc, scale²).

    log f(z) = -z² / 2 - log(2π) / 2        g = -z

Width scaling divides the scale by sqrt(fan_in), so that a layer's pre-activations have
under the prior a variance that does not grow with its width. With a fixed scale a wide
layer's prior is far too vague: each of its many weights pays to be small, and the
divergence outweighs the data.

Reference: Neal (1996), "Bayesian learning for neural networks".
"""

import math
from dataclasses import dataclass

from varlayers.kernels import Kernels
from varlayers.priors.location_scale import LocationScalePrior
from varlayers.types import Array

__all__ = ["NormalPrior"]


@dataclass(frozen=True)
class NormalPrior(LocationScalePrior):
    """N(loc, scale²) for every weight.

    Args:
        loc: a number, or an array that broadcasts to the weight.
        scale: > 0; a number, or an array that broadcasts to the weight.
        width_scaled: divide `scale` by sqrt(fan_in).
        trainable: which of "loc" and "scale" are learned (empirical Bayes).

    Raises:
        ValueError: if an argument is out of range or, in use, if an array does not
            broadcast.
    """

    def standard(self, k: Kernels, z: Array) -> tuple[Array, Array]:
        return -0.5 * z * z - 0.5 * math.log(2 * math.pi), -z
