"""Dropout: the deterministic network's noise, and Monte Carlo dropout's.

    forward                          backward
    y = x ∘ mask                     dx = dy ∘ mask
    mask = 1 / (1 - rate) or 0       kept with probability 1 - rate

Shapes: x, mask and y alike. Drawn at prediction as well, it makes a network whose
spread over masks approximates a posterior: Monte Carlo dropout. `at_mean` leaves it
out.

Reference: Srivastava et al. (2014), JMLR 15; Gal & Ghahramani (2016), arXiv:1506.02142.
"""

from dataclasses import dataclass, replace
from typing import Any, Self

from varlayers.checks import check_arrays
from varlayers.dispatch import kernels_for
from varlayers.layers.noiseless import Parameterless
from varlayers.random import Source
from varlayers.types import Array, Noise, Params, Saved, Shape

__all__ = ["Dropout"]


@dataclass(frozen=True)
class Dropout(Parameterless):
    """Set each element to zero with probability `rate`. Noise: `mask`.

    Args:
        rate: 0 <= rate < 1. With 0 the layer is the identity and draws nothing.

    Raises:
        ValueError: if rate is out of range.
    """

    rate: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.rate < 1:
            msg = f"Dropout expected 0 <= `rate` < 1, got {self.rate}."
            raise ValueError(msg)

    def draw(self, key: Source, x_shape: Shape, like: Array) -> dict[str, Any]:
        if not self.rate:
            return {}
        k = kernels_for(like)
        kept = k.uniform(key, tuple(x_shape), like) >= self.rate
        return {"mask": k.xp.astype(kept, like.dtype) * (1 / (1 - self.rate))}

    def forward(self, params: Params, x: Array, noise: Noise) -> tuple[Array, Saved]:
        check_arrays("Dropout", "noise", noise, {"mask": x.shape} if self.rate else {})
        return (x * noise["mask"], (noise["mask"],)) if self.rate else (x, ())

    def backward(
        self, saved: Saved, dy: Array, *, input_gradient: bool = True
    ) -> tuple[Array | None, dict[str, Any]]:
        return (dy * saved[0] if saved else dy) if input_gradient else None, {}

    def at_mean(self) -> Self:
        return replace(self, rate=0.0)
