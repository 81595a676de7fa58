"""Mean-field Laplace posterior: independent w with exp(-|w - loc| / scale) / (2 scale).

    forward                            backward, read from the bottom up
    ε = s e,  s a sign, e ~ Exp(1)
    var = 2 scale²                     dscale = 4 scale ∘ dvar
    log f(ε) = -|ε| - log(2)           the rest is in `mean_field`
    h = 1 + log(2)

Beside a normal of the same variance, more of its samples are near the mean and more
far from it. Not the Laplace approximation, which is a normal fitted to a mode.

The noise is drawn by the exponential's quantile function, e = -log(1 - u), of u uniform
on the multiples of 2**-24 in [0, 1): at most 16.6. u is from child 0 of the key, s from
child 1.

A sum of Laplace variables is not one, and not normal, so local reparameterization does
not take it. Flipout does: each weight is as likely as its mirror image.

Shapes: loc, rho, ε, s, e, u and w have the weight's shape. q = (loc, scale, slope).

Reference: Kotz, Kozubowski & Podgórski (2001), "The Laplace distribution and
generalizations".
"""

import math
from dataclasses import dataclass
from typing import ClassVar

from varlayers.kernels import Kernels
from varlayers.posteriors.mean_field import MeanField
from varlayers.random import Source, fold_in
from varlayers.types import Array, Saved, Shape

__all__ = ["MeanFieldLaplace"]


@dataclass(frozen=True)
class MeanFieldLaplace(MeanField):
    """Independent Laplace variables, with parameters loc and rho.

    Args:
        initial_scale: the first standard deviation, scale sqrt(2), as a multiple of
            1 / sqrt(fan_in), > 0.
        shift: what is added to softplus(rho), >= 0. The least scale that the posterior
            can reach; with 0 the KL divergence is infinite where softplus underflows.

    Raises:
        ValueError: if an argument is out of range.
    """

    normal_elements: ClassVar[bool] = False
    noise_deviation: ClassVar[float] = math.sqrt(2)
    noise_entropy: ClassVar[float] = 1 + math.log(2)

    def draw(self, k: Kernels, key: Source, shape: Shape, like: Array) -> Array:
        u = k.uniform(fold_in(key, 0), shape, like)
        return -k.signs(fold_in(key, 1), shape, like) * k.xp.log1p(-u)

    def noise_log_density(self, k: Kernels, eps: Array) -> Array:
        return -k.xp.sum(k.xp.abs(eps)) - math.prod(eps.shape) * math.log(2)

    def moments(self, k: Kernels, q: Saved) -> tuple[Array, Array]:
        loc, scale, _ = q
        return loc, 2 * scale * scale

    def moments_backward(
        self, k: Kernels, q: Saved, dloc: Array, dvar: Array
    ) -> dict[str, Array]:
        _, scale, slope = q
        drho = k.variance_normal_backward(scale, slope, 2 * dvar)
        return {"loc": dloc, "rho": drho}
