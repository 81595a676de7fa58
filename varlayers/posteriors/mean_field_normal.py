"""Mean-field normal posterior: independent w ~ N(loc, scale²).

    forward                                   backward, read from the bottom up
    var = scale²                              dscale = 2 scale ∘ dvar
    log f(ε) = -ε² / 2 - log(2π) / 2          the rest is in `mean_field`
    h = (1 + log 2π) / 2

Shapes: loc, rho, ε and w have the weight's shape. q = (loc, scale, slope).

The initial scale is a fraction of 1 / sqrt(fan_in). A pre-activation then starts with
noise whose standard deviation is that fraction of the root mean square of the inputs,
whatever the width: small beside the signal of a Glorot, He or LeCun mean, so a default
network learns from the first step, and large enough that rho is not stuck where its
slope vanishes. A fixed scale is too much noise in a wide layer or too little anywhere.

Reference: Blundell, Cornebise, Kavukcuoglu & Wierstra (2015), "Weight uncertainty in
neural networks", arXiv:1505.05424.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

from varlayers.kernels import Kernels
from varlayers.posteriors.mean_field import MeanField
from varlayers.types import Array, Saved

__all__ = ["MeanFieldNormal"]

_LOG_2_PI = math.log(2 * math.pi)


@dataclass(frozen=True)
class MeanFieldNormal(MeanField):
    """Independent normals, with parameters loc and rho.

    Args:
        initial_scale: the first scale, as a multiple of 1 / sqrt(fan_in), > 0.
        shift: what is added to softplus(rho), >= 0. The least scale that the posterior
            can reach; with 0 the KL divergence is infinite where softplus underflows.

    Raises:
        ValueError: if an argument is out of range.
    """

    normal_elements: ClassVar[bool] = True
    noise_deviation: ClassVar[float] = 1.0
    noise_entropy: ClassVar[float] = 0.5 * (1 + _LOG_2_PI)

    def noise_log_density(self, k: Kernels, eps: Array) -> Array:
        return -0.5 * (math.prod(eps.shape) * _LOG_2_PI + k.xp.sum(eps * eps))

    def moments(self, k: Kernels, q: Saved) -> tuple[Array, Array]:
        loc, scale, _ = q
        return loc, k.multiply(scale, scale)

    def moments_backward(
        self, k: Kernels, q: Saved, dloc: Array, dvar: Array
    ) -> dict[str, Array]:
        _, scale, slope = q
        return {"loc": dloc, "rho": k.variance_normal_backward(scale, slope, dvar)}
