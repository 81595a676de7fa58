"""Arrays of 16 bits, float16 and bfloat16: they are kept so, and not summed so."""

from typing import Any

from varlayers.types import Array

__all__ = ["is_half", "widened"]


def is_half(xp: Any, dtype: Any) -> bool:
    """Whether a floating dtype has 16 bits."""
    bits: int = xp.finfo(dtype).bits
    return bits == 16


def widened(xp: Any, x: Array) -> Array:
    """Return x, in float32 if it has 16 bits."""
    return xp.astype(x, xp.float32) if is_half(xp, x.dtype) else x
