"""Flatten: every axis but the first becomes one."""

import math
from dataclasses import dataclass

from varlayers.layers.noiseless import Reshaped
from varlayers.types import Shape

__all__ = ["Flatten"]


@dataclass(frozen=True)
class Flatten(Reshaped):
    """Reshape x (n, ...) to (n, m), m the product of the other axes."""

    def out_shape(self, x_shape: Shape) -> Shape:
        if not x_shape:
            msg = "Flatten expected `x` with at least one axis, got shape ()."
            raise ValueError(msg)
        return (x_shape[0], math.prod(x_shape[1:]))
