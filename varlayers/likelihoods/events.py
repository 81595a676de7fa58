"""What every likelihood shares: checks at the boundary, and the sum over one event.

Axis 0 counts the examples; all other axes of the targets are one event, whose elements
are independent given the outputs. Only shapes and dtypes are checked. Values are never
inspected: a NaN in the outputs or the targets comes out as NaN.
"""

from typing import Any

from varlayers.dispatch import kernels_for
from varlayers.kernels import Kernels
from varlayers.types import Array, Shape

__all__ = ["NUMBERS", "check_outputs", "check_targets", "sum_events", "xlogx"]

NUMBERS = ("integral", "real floating")


def check_outputs(owner: str, outputs: Array, *, channels: bool = False) -> Kernels:
    """Return the kernels of a model's outputs.

    Args:
        owner: who checks.
        outputs: shape (n, ...), of a floating dtype.
        channels: whether the last axis must be one of channels, not the examples.

    Raises:
        TypeError: if the dtype is not a real floating one.
        ValueError: if an axis is missing.
    """
    k = kernels_for(outputs)
    if not k.xp.isdtype(outputs.dtype, "real floating"):
        msg = (
            f"{owner} expected `outputs` of a floating dtype, got {outputs.dtype}. "
            "Convert them, for example to float32."
        )
        raise TypeError(msg)
    if outputs.ndim < 1 + channels or (channels and outputs.shape[-1] < 1):
        wanted = "(n, ..., channels)" if channels else "(n, ...)"
        msg = (
            f"{owner} expected `outputs` of shape {wanted}, got {tuple(outputs.shape)}."
        )
        raise ValueError(msg)
    return k


def check_targets(
    owner: str, k: Kernels, targets: Array, shapes: tuple[Shape, ...], kinds: Any
) -> None:
    """Raise unless targets are an array of the same library, of such shape and kind.

    Args:
        owner: who checks.
        k: the kernels of the outputs.
        targets: what is checked.
        shapes: the shapes that fit the outputs.
        kinds: the accepted kinds of dtype, in the words of the standard's `isdtype`.

    Raises:
        TypeError: if the library or the kind is another.
        ValueError: if no shape fits. Nothing is broadcast.
    """
    if kernels_for(targets).xp is not k.xp:
        msg = (
            f"{owner} expected `targets` of the library of the outputs, "
            f"{k.xp.__name__}, got {type(targets).__name__}. Convert one of the two."
        )
        raise TypeError(msg)
    if not k.xp.isdtype(targets.dtype, kinds):
        msg = (
            f"{owner} expected `targets` of kind {' or '.join(kinds)}, "
            f"got {targets.dtype}."
        )
        raise TypeError(msg)
    if tuple(targets.shape) not in shapes:
        msg = (
            f"{owner} expected `targets` of shape {' or '.join(map(str, shapes))}, "
            f"got {tuple(targets.shape)}. Nothing is broadcast: reshape one of the two."
        )
        raise ValueError(msg)


def sum_events(k: Kernels, x: Array) -> Array:
    """Return the sum over every axis but the first."""
    return k.xp.sum(x, axis=tuple(range(1, x.ndim)))


def xlogx(k: Kernels, x: Array) -> Array:
    """Return x log x, and 0 at 0."""
    return x * k.xp.log(k.xp.where(x > 0, x, k.xp.ones_like(x)))
