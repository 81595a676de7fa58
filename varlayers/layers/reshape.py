"""Reshape: the same entries in another shape, example by example."""

import math
from dataclasses import dataclass

from varlayers.checks import check_size
from varlayers.layers.noiseless import Reshaped
from varlayers.types import Shape

__all__ = ["Reshape"]


@dataclass(frozen=True)
class Reshape(Reshaped):
    """Reshape x (n, ...) to (n, *target_shape).

    Args:
        target_shape: lengths of all axes but the first, >= 1; at most one may be -1,
            and is then what the others leave.

    Raises:
        TypeError: if a length is not an integer.
        ValueError: if one is out of range, or if x has another number of entries.

    Example:
        >>> import varlayers as vl
        >>> vl.Reshape((4, 4, -1)).out_shape((10, 64))
        (10, 4, 4, 4)
    """

    target_shape: Shape

    def __post_init__(self) -> None:
        target = tuple(self.target_shape)
        object.__setattr__(self, "target_shape", target)
        for length in target:
            if length != -1:
                check_size("Reshape", "target_shape", length)
        if target.count(-1) > 1:
            msg = f"Reshape expected at most one -1 in `target_shape`, got {target}."
            raise ValueError(msg)

    def out_shape(self, x_shape: Shape) -> Shape:
        size = math.prod(x_shape[1:])
        known = math.prod(length for length in self.target_shape if length != -1)
        fits = size % known == 0 if -1 in self.target_shape else size == known
        if not (x_shape and fits):
            msg = (
                f"Reshape expected `x` of shape (n, ...) with as many entries per "
                f"example as {self.target_shape}, got {tuple(x_shape)}."
            )
            raise ValueError(msg)
        rest = (size // known if n == -1 else n for n in self.target_shape)
        return (x_shape[0], *rest)
