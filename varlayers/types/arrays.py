"""What arrays, trees of them and shapes are called in annotations."""

from collections.abc import Mapping
from typing import Any, TypeAlias

__all__ = ["Array", "Noise", "Params", "Saved", "Shape"]

Array: TypeAlias = Any
Shape: TypeAlias = tuple[int, ...]
Params: TypeAlias = Mapping[str, Any]
Noise: TypeAlias = Mapping[str, Any]
Saved: TypeAlias = tuple[Any, ...]
