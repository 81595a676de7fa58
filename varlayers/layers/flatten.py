"""Flatten: every axis but the first becomes one."""

import math
from dataclasses import dataclass
from typing import Any

from varlayers.dispatch import kernels_for
from varlayers.layers.noiseless import Parameterless
from varlayers.types import Array, Noise, Params, Saved, Shape

__all__ = ["Flatten"]


@dataclass(frozen=True)
class Flatten(Parameterless):
    """Reshape x (n, ...) to (n, m), m the product of the other axes."""

    def out_shape(self, x_shape: Shape) -> Shape:
        if not x_shape:
            msg = "Flatten expected `x` with at least one axis, got shape ()."
            raise ValueError(msg)
        return (x_shape[0], math.prod(x_shape[1:]))

    def forward(self, params: Params, x: Array, noise: Noise) -> tuple[Array, Saved]:
        shape = self.out_shape(tuple(x.shape))
        return kernels_for(x).xp.reshape(x, shape), (x,)

    def backward(
        self, saved: Saved, dy: Array, *, input_gradient: bool = True
    ) -> tuple[Array | None, dict[str, Any]]:
        (x,) = saved
        dx = kernels_for(dy).xp.reshape(dy, x.shape) if input_gradient else None
        return dx, {}
