"""What posteriors with a mean loc and scales have in common.

    forward                          backward
    scale = softplus(rho) + shift    drho = dscale ∘ slope,  slope = sigmoid(rho)
    h = Σ log(scale)                 drho = slope / scale    (1 where scale = 0)

Where the noise ε is n independent N(0, 1), one for each weight, w = g(ε), a change of
variables gives the density at the sample, and the entropy H:

    H = n (1 + log 2π) / 2 + log|det ∂g/∂ε|
    log q(w) = n / 2 - ‖ε‖² / 2 - H          its total gradient at fixed ε: -dH

Shapes: rho, scale and slope are alike; h, H and log q are scalars, in nats.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from varlayers.kernels import Kernels
from varlayers.random import Source
from varlayers.types import Array, Params, Saved, Shape

__all__ = ["Scaled", "ScaledByElement", "ScaledNormal"]

_SILENT = -1000.0  # a rho whose softplus is 0


@dataclass(frozen=True)
class Scaled(ABC):
    """A posterior whose mean is its parameter loc; its noise is N(0, 1) by default.

    Args:
        initial_scale: how large its noise is at first, > 0.
        shift: what is added to softplus(rho), >= 0. The least scale that the posterior
            can reach.

    Raises:
        ValueError: if an argument is out of range.
    """

    initial_scale: float = 0.1
    shift: float = 1e-5

    deterministic: ClassVar[bool] = False

    def __post_init__(self) -> None:
        owner = type(self).__name__
        if not self.initial_scale > 0:
            msg = (
                f"{owner} expected `initial_scale` > 0, "
                f"got {self.initial_scale}. For fixed weights use Point."
            )
            raise ValueError(msg)
        if not self.shift >= 0:
            msg = f"{owner} expected `shift` >= 0, got {self.shift}."
            raise ValueError(msg)

    @abstractmethod
    def shapes(self, w_shape: Shape) -> dict[str, Shape]:
        """Return the names and shapes of its parameters."""

    def mean(self, k: Kernels, params: Params) -> Array:
        return params["loc"]

    def mean_backward(self, k: Kernels, dloc: Array) -> dict[str, Array]:
        return self.zeros(k, dloc) | {"loc": dloc}

    def noise_shape(self, w_shape: Shape) -> Shape:
        return w_shape

    def draw(self, k: Kernels, key: Source, shape: Shape, like: Array) -> Array:
        return k.normal(key, shape, like)

    def at_least_1(self, argument: str) -> None:
        """Raise unless an argument is an integer >= 1."""
        value = getattr(self, argument)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            msg = (
                f"{type(self).__name__} expected an integer `{argument}` >= 1, "
                f"got {value!r}."
            )
            raise ValueError(msg)

    def normal_entropy(self, n: int, log_det: Array) -> Array:
        """Return H of a normal of n elements, from log|det ∂g/∂ε|."""
        return 0.5 * n * (1 + math.log(2 * math.pi)) + log_det

    def zeros(self, k: Kernels, loc: Array) -> dict[str, Array]:
        """Return zeros in the shapes of the parameters, loc's dtype and device."""
        return {
            name: k.xp.zeros(shape, dtype=loc.dtype, device=k.device(loc))
            for name, shape in self.shapes(tuple(loc.shape)).items()
        }

    def rho(self, scale: float, fan_in: int) -> float:
        """Return rho with softplus(rho) + shift = scale.

        Raises:
            ValueError: if the scale is not above the shift.
        """
        if scale <= self.shift:
            msg = (
                f"{type(self).__name__} expected an initial scale above `shift`, "
                f"got {scale:.3g} <= {self.shift:.3g} for fan_in = {fan_in}."
            )
            raise ValueError(msg)
        return math.log(math.expm1(scale - self.shift))

    def silenced(self, k: Kernels, params: Params, kept: Array) -> dict[str, Array]:
        """Return loc and rho with loc 0 and the least scale where not kept."""
        xp, loc, rho = k.xp, params["loc"], params["rho"]
        return {
            "loc": xp.where(kept, loc, xp.zeros_like(loc)),
            "rho": xp.where(kept, rho, xp.full_like(rho, _SILENT)),
        }

    def log_scales(self, k: Kernels, scale: Array, slope: Array) -> tuple[Array, Array]:
        """Return Σ log(scale), minus infinity where a scale is 0, and its gradient."""
        xp, positive = k.xp, scale > 0
        safe = xp.where(positive, scale, xp.ones_like(scale))
        low = xp.full_like(scale, -math.inf)
        logs = xp.where(positive, xp.log(safe), low)
        ratio = xp.where(positive, slope / safe, xp.ones_like(scale))
        return xp.sum(logs), ratio


@dataclass(frozen=True)
class ScaledByElement(Scaled, ABC):
    """A posterior with a loc and a rho for each weight: q = (loc, scale, slope)."""

    def shapes(self, w_shape: Shape) -> dict[str, Shape]:
        return {"loc": w_shape, "rho": w_shape}

    def constrain(self, k: Kernels, params: Params) -> Saved:
        scale, slope = k.scale_normal(params["rho"], self.shift)
        return params["loc"], scale, slope

    def masked(self, k: Kernels, params: Params, kept: Array) -> dict[str, Array]:
        return self.silenced(k, params, kept)


@dataclass(frozen=True)
class ScaledNormal(Scaled):
    """A normal whose noise has one weight each, so that `entropy` tells its density."""

    normal_elements: ClassVar[bool] = True
    has_density: ClassVar[bool] = True

    @abstractmethod
    def entropy(self, k: Kernels, q: Saved) -> tuple[Array, dict[str, Array]]:
        """Return the entropy and its gradient."""

    def log_density_at(
        self, k: Kernels, q: Saved, eps: Array
    ) -> tuple[Array, dict[str, Array]]:
        entropy, grads = self.entropy(k, q)
        n = math.prod(eps.shape)
        value = 0.5 * (n - k.xp.sum(eps * eps)) - entropy
        return value, {name: -grad for name, grad in grads.items()}
