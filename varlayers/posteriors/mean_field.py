"""What posteriors with a mean and a scale for each weight have in common.

The noise ε is independent from weight to weight and as likely as -ε; one density f
gives each of them:

    forward                            backward, read from the bottom up
    scale = softplus(rho) + shift      drho = dscale ∘ slope,  slope = sigmoid(rho)
    w = loc + scale ∘ ε                dloc = dw          dscale = dw ∘ ε
    Δ = scale ∘ ε                      dscale = dΔ ∘ ε
    H = n h + Σ log(scale)             drho = slope / scale
    log q(w) = Σ log f(ε) - Σ log(scale)
                                       drho = -slope / scale

with n weights and the entropy h of f. So at fixed noise the gradient of log q(w) is
that of -H: what it loses through w it does not have in f.

Shapes: loc, rho, ε and w have the weight's shape. q = (loc, scale, slope).
"""

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from varlayers.kernels import Kernels
from varlayers.posteriors.scaled import ScaledByElement
from varlayers.random import Source
from varlayers.types import Array, Saved

__all__ = ["MeanField"]


@dataclass(frozen=True)
class MeanField(ScaledByElement):
    """Independent weights, all with the same density but for loc and scale.

    Args:
        initial_scale: the first standard deviation, as a multiple of 1 / sqrt(fan_in),
            > 0.
        shift: the least scale, >= 0.

    Raises:
        ValueError: if an argument is out of range.

    Attributes:
        noise_deviation: the standard deviation of ε.
        noise_entropy: h, in nats.
    """

    size: ClassVar[int] = 3
    independent: ClassVar[bool] = True
    symmetric: ClassVar[bool] = True
    has_density: ClassVar[bool] = True
    noise_deviation: ClassVar[float]
    noise_entropy: ClassVar[float]

    @abstractmethod
    def noise_log_density(self, k: Kernels, eps: Array) -> Array:
        """Return Σ log f(ε)."""

    def init(
        self, k: Kernels, key: Source, loc: Array, *, fan_in: int
    ) -> dict[str, Array]:
        deviation = self.initial_scale / math.sqrt(max(fan_in, 1))
        rho = self.rho(deviation / self.noise_deviation, fan_in)
        return {"loc": loc, "rho": k.xp.full_like(loc, rho)}

    def sample(self, k: Kernels, q: Saved, eps: Array) -> Array:
        loc, scale, _ = q
        return k.add_product(loc, scale, eps)

    def sample_backward(
        self, k: Kernels, q: Saved, eps: Array, dw: Array
    ) -> dict[str, Array]:
        return {"loc": dw, "rho": k.sample_normal_backward(q[2], eps, dw)}

    def perturb(self, k: Kernels, q: Saved, eps: Array) -> tuple[Array, Array]:
        loc, scale, _ = q
        return loc, k.multiply(scale, eps)

    def perturb_backward(
        self, k: Kernels, q: Saved, eps: Array, dloc: Array, ddelta: Array
    ) -> dict[str, Array]:
        return {"loc": dloc, "rho": k.sample_normal_backward(q[2], eps, ddelta)}

    def entropy(self, k: Kernels, q: Saved) -> tuple[Array, dict[str, Array]]:
        loc, scale, slope = q
        log_det, drho = self.log_scales(k, scale, slope)
        value = math.prod(loc.shape) * self.noise_entropy + log_det
        return value, {"loc": k.xp.zeros_like(loc), "rho": drho}

    def log_density_at(
        self, k: Kernels, q: Saved, eps: Array
    ) -> tuple[Array, dict[str, Array]]:
        loc, scale, slope = q
        log_det, drho = self.log_scales(k, scale, slope)
        value = self.noise_log_density(k, eps) - log_det
        return value, {"loc": k.xp.zeros_like(loc), "rho": -drho}
