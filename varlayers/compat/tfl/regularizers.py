"""Penalties of a layer's output, with their gradients.

    value = (l1 Σ |y| + l2 Σ y²) / batch        dy = (l1 sign y + 2 l2 y) / batch

Shapes: y (batch, ...); the value is a scalar.
"""

from dataclasses import dataclass
from typing import Any, Protocol

from varlayers.kernels import Kernels
from varlayers.serialization import register_class
from varlayers.types import Array

__all__ = ["L1L2", "Regularizer", "regularizer_of"]


class Regularizer(Protocol):
    """A penalty of an array and its gradient."""

    def value(self, k: Kernels, y: Array) -> Array:
        """Return the penalty, a scalar."""

    def gradient(self, k: Kernels, y: Array) -> Array:
        """Return its gradient by y."""


@register_class
@dataclass(frozen=True)
class L1L2:
    """The sum of the magnitudes times l1 and of the squares times l2, per example.

    Args:
        l1: factor of Σ |y|.
        l2: factor of Σ y².
    """

    l1: float = 0.0
    l2: float = 0.0

    def value(self, k: Kernels, y: Array) -> Array:
        sums = self.l1 * k.xp.sum(k.xp.abs(y)) + self.l2 * k.xp.sum(y * y)
        return sums / max(y.shape[0], 1)

    def gradient(self, k: Kernels, y: Array) -> Array:
        return (self.l1 * k.xp.sign(y) + 2 * self.l2 * y) / max(y.shape[0], 1)


def regularizer_of(owner: str, argument: str, value: Any) -> Regularizer | None:
    """Return the regularizer, or None.

    Raises:
        TypeError: if it has no gradient.
    """
    if value is None or (hasattr(value, "value") and hasattr(value, "gradient")):
        return value  # type: ignore[no-any-return]
    msg = (
        f"{owner} expected `{argument}` with its gradient, got {value!r}. Pass "
        "tfl.L1L2(l1, l2), or an object with the methods value(k, y) and "
        "gradient(k, y)."
    )
    raise TypeError(msg)
