"""Radial posterior: a direction uniform on the sphere, and a distance of its own.

    forward                          backward, read from the bottom up
    scale = softplus(rho) + shift    drho = dscale ∘ slope,  slope = sigmoid(rho)
    η = |ε′| ε / ‖ε‖                 (0 where ε = 0)
    w = loc + scale ∘ η              dloc = dw          dscale = dw ∘ η
    Δ = scale ∘ η                    dscale = dΔ ∘ η
    var = scale² / n                 dscale = 2 scale ∘ dvar / n
    H = Σ log(scale) + (n - 1) E log r + 1/2 - log(2/π) / 2 + log S
                                     drho = slope / scale
    log q(w) = log(2/π) / 2 - r² / 2 - (n - 1) log r - log S - Σ log(scale)

r = |ε′| is half-normal, so E r² = 1 and E log r = -(γ + log 2) / 2 with Euler's γ;
S = 2 π^(n/2) / Γ(n/2) is the area of the sphere in n dimensions, of which q is constant
on each of radius r (stretched by scale).

A normal of n elements lies at a distance near √n from its mean, hardly ever close to it
when n is large; this posterior has the distance of a normal of one element. Its
elements are uncorrelated and their signs independent, but they share the distance.

Shapes: loc, rho and w as the weight, of n elements; the noise is n + 1 numbers, ε and
ε′. q = (loc, scale, slope). At the start each element has a mean-field normal's
standard deviation, so scale is √n times that.

Reference: Farquhar, Osborne & Gal (2020), "Radial Bayesian neural networks: beyond
discrete support in large-scale Bayesian deep learning", arXiv:1907.00865.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from varlayers.kernels import Kernels
from varlayers.posteriors.scaled import ScaledByElement
from varlayers.random import Source
from varlayers.types import Array, Saved, Shape

__all__ = ["Radial"]

_HALF_NORMAL = 0.5 * math.log(2 / math.pi)
_MEAN_LOG_R = -0.5 * (np.euler_gamma + math.log(2))


@dataclass(frozen=True)
class Radial(ScaledByElement):
    """A uniform direction and a half-normal distance, with parameters loc and rho.

    Args:
        initial_scale: the first standard deviation of each weight, as a multiple of
            1 / sqrt(fan_in), > 0.
        shift: the least scale, >= 0.

    Raises:
        ValueError: if an argument is out of range.
    """

    size: ClassVar[int] = 3
    normal_elements: ClassVar[bool] = False
    independent: ClassVar[bool] = False
    symmetric: ClassVar[bool] = True
    has_density: ClassVar[bool] = True

    def noise_shape(self, w_shape: Shape) -> Shape:
        return (math.prod(w_shape) + 1,)

    def init(
        self, k: Kernels, key: Source, loc: Array, *, fan_in: int
    ) -> dict[str, Array]:
        n = math.prod(loc.shape)
        rho = self.rho(self.initial_scale * math.sqrt(n / max(fan_in, 1)), fan_in)
        return {"loc": loc, "rho": k.xp.full_like(loc, rho)}

    def sample(self, k: Kernels, q: Saved, eps: Array) -> Array:
        loc, scale, _ = q
        return k.add_product(loc, scale, self._direction(k, eps, loc))

    def sample_backward(
        self, k: Kernels, q: Saved, eps: Array, dw: Array
    ) -> dict[str, Array]:
        return self.perturb_backward(k, q, eps, dw, dw)

    def perturb(self, k: Kernels, q: Saved, eps: Array) -> tuple[Array, Array]:
        loc, scale, _ = q
        return loc, scale * self._direction(k, eps, loc)

    def perturb_backward(
        self, k: Kernels, q: Saved, eps: Array, dloc: Array, ddelta: Array
    ) -> dict[str, Array]:
        eta = self._direction(k, eps, ddelta)
        return {"loc": dloc, "rho": k.sample_normal_backward(q[2], eta, ddelta)}

    def moments(self, k: Kernels, q: Saved) -> tuple[Array, Array]:
        loc, scale, _ = q
        return loc, scale * scale / math.prod(loc.shape)

    def moments_backward(
        self, k: Kernels, q: Saved, dloc: Array, dvar: Array
    ) -> dict[str, Array]:
        _, scale, slope = q
        drho = k.variance_normal_backward(scale, slope, dvar / math.prod(dvar.shape))
        return {"loc": dloc, "rho": drho}

    def entropy(self, k: Kernels, q: Saved) -> tuple[Array, dict[str, Array]]:
        loc, scale, slope = q
        n = math.prod(loc.shape)
        log_det, drho = self.log_scales(k, scale, slope)
        rest = (n - 1) * _MEAN_LOG_R + 0.5 - _HALF_NORMAL + _log_sphere(n)
        return log_det + rest, {"loc": k.xp.zeros_like(loc), "rho": drho}

    def log_density_at(
        self, k: Kernels, q: Saved, eps: Array
    ) -> tuple[Array, dict[str, Array]]:
        loc, scale, slope = q
        n, r = math.prod(loc.shape), k.xp.abs(eps[-1:])
        log_det, drho = self.log_scales(k, scale, slope)
        log_r = self.log_scales(k, r, r)[0] if n > 1 else 0.0
        distance = -0.5 * k.xp.sum(r * r) - (n - 1) * log_r
        value = distance + _HALF_NORMAL - _log_sphere(n) - log_det
        return value, {"loc": k.xp.zeros_like(loc), "rho": -drho}

    def _direction(self, k: Kernels, eps: Array, like: Array) -> Array:
        """Return η."""
        xp, direction = k.xp, eps[:-1]
        norm = xp.sqrt(xp.sum(direction * direction))
        safe = xp.where(norm > 0, norm, xp.ones_like(norm))
        return xp.reshape(direction / safe * xp.abs(eps[-1:]), like.shape)


def _log_sphere(n: int) -> float:
    """Return log S."""
    return math.log(2) + 0.5 * n * math.log(math.pi) - math.lgamma(0.5 * n)
