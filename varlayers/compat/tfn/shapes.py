"""Layers that change or show a shape, for a `Sequential`: what `util` makes.

    forward                              backward
    y = the entries of x, reshaped       dx = the entries of dy, reshaped

Shapes: as each class says.
"""

import math
import sys
from dataclasses import dataclass

from varlayers.checks import check_size
from varlayers.layers.noiseless import Reshaped
from varlayers.serialization import register_class
from varlayers.types import Array, Noise, Params, Saved, Shape

__all__ = ["ExpandDims", "FlattenRightmost", "Trace", "show"]


@register_class
@dataclass(frozen=True)
class FlattenRightmost(Reshaped):
    """Make the last `ndims` axes, >= 1, one."""

    ndims: int = 3

    def __post_init__(self) -> None:
        check_size("flatten_rightmost", "ndims", self.ndims)

    def out_shape(self, x_shape: Shape) -> Shape:
        if len(x_shape) < self.ndims:
            msg = (
                f"flatten_rightmost expected `x` with at least {self.ndims} axes, "
                f"got shape {tuple(x_shape)}."
            )
            raise ValueError(msg)
        rest = len(x_shape) - self.ndims
        return (*x_shape[:rest], math.prod(x_shape[rest:]))


@register_class
@dataclass(frozen=True)
class ExpandDims(Reshaped):
    """Insert axes of length 1, at these places of the result."""

    axis: int | Shape

    def out_shape(self, x_shape: Shape) -> Shape:
        axes = (self.axis,) if isinstance(self.axis, int) else tuple(self.axis)
        ndim = len(x_shape) + len(axes)
        places = {axis + ndim if axis < 0 else axis for axis in axes}
        if len(places) < len(axes) or not places <= set(range(ndim)):
            msg = (
                f"expand_dims expected `axis` to be different places among {ndim}, "
                f"got {self.axis} for `x` of shape {tuple(x_shape)}."
            )
            raise ValueError(msg)
        rest = iter(x_shape)
        return tuple(1 if place in places else next(rest) for place in range(ndim))


@register_class
@dataclass(frozen=True)
class Trace(Reshaped):
    """Print name, shape and dtype of what passes."""

    name: str | None = None

    def out_shape(self, x_shape: Shape) -> Shape:
        return tuple(x_shape)

    def forward(self, params: Params, x: Array, noise: Noise) -> tuple[Array, Saved]:
        show(self.name or "trace", x)
        return x, (x,)


def show(name: str, x: Array) -> None:
    """Print name, shape and dtype of an array."""
    dtype = str(x.dtype).rpartition(".")[2]
    sys.stdout.write(f"{name}: shape {tuple(x.shape)}, {dtype}\n")
