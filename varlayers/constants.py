"""`Constant`: a fixed array inside a frozen description.

A prior may have an array for its location or scale. Wrapped, the array compares and
hashes by its content, so that the layer that holds it stays hashable and pickles.
"""

from collections.abc import Hashable
from typing import Any

import numpy as np

from varlayers.kernels import Kernels
from varlayers.types import Array

__all__ = ["Constant", "constant"]


class Constant:
    """A read-only float64 host array that compares and hashes by content."""

    def __init__(self, data: Any) -> None:
        array = np.array(np.asarray(data), dtype=np.float64)
        array += 0.0  # -0 becomes 0, its equal
        array.flags.writeable = False
        self.array = array
        self._hash = hash((array.shape, array.tobytes()))
        self._placed: dict[Hashable, Array] = {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Constant) and np.array_equal(self.array, other.array)

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        low, high = self.array.min(initial=np.inf), self.array.max(initial=-np.inf)
        return f"Constant(shape={self.array.shape}, {low:.4g} to {high:.4g})"

    def __reduce__(self) -> tuple[type["Constant"], tuple[Any]]:
        return Constant, (self.array,)

    def like(self, k: Kernels, x: Array) -> Array:
        """Return the array with the library, dtype and device of x."""
        place = (type(x), str(x.dtype), str(k.device(x)))
        if place not in self._placed:
            self._placed[place] = k.asarray(self.array, x)
        return self._placed[place]


def constant(value: Any) -> "float | Constant":
    """Return a number as a float and an array, of any library, as a `Constant`."""
    if isinstance(value, int | float | Constant):
        return float(value) if not isinstance(value, Constant) else value
    if np.ndim(value) == 0:
        return float(value)
    return Constant(value)
