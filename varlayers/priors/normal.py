"""Normal prior: independent w ~ N(loc, scale²), fixed.

Width scaling divides the scale by sqrt(fan_in), so that a layer's pre-activations have
under the prior a variance that does not grow with its width. With a fixed scale a wide
layer's prior is far too vague: each of its many weights pays to be small, and the
divergence outweighs the data.

Reference: Neal (1996), "Bayesian learning for neural networks".
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from varlayers.constants import Constant, constant
from varlayers.kernels import Kernels
from varlayers.types import Array, Saved, Shape

__all__ = ["NormalPrior"]


@dataclass(frozen=True)
class NormalPrior:
    """N(loc, scale²) for every weight.

    Args:
        loc: a number, or an array that broadcasts to the weight.
        scale: > 0; a number, or an array that broadcasts to the weight.
        width_scaled: divide `scale` by sqrt(fan_in).

    Raises:
        ValueError: if a scale is not positive or, in use, an array does not broadcast.
    """

    loc: Any = 0.0
    scale: Any = 1.0
    width_scaled: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "loc", constant(self.loc))
        object.__setattr__(self, "scale", constant(self.scale))
        least = _least(self.scale)
        if not least > 0:
            msg = f"NormalPrior expected `scale` > 0, got {least}."
            raise ValueError(msg)

    def loc_and_scale(self, k: Kernels, like: Array, fan_in: int) -> Saved:
        factor = 1 / math.sqrt(max(fan_in, 1)) if self.width_scaled else 1.0
        loc, scale = (_placed(self, name, k, like) for name in ("loc", "scale"))
        return loc, scale * factor


def _least(value: float | Constant) -> float:
    return float(np.min(value.array)) if isinstance(value, Constant) else value


def _placed(prior: NormalPrior, name: str, k: Kernels, like: Array) -> Array:
    value, shape = getattr(prior, name), tuple(like.shape)
    if not isinstance(value, Constant):
        return value
    if not _broadcasts(value.array.shape, shape):
        msg = (
            f"NormalPrior expected `{name}` that broadcasts to the weight's shape "
            f"{shape}, got shape {value.array.shape}."
        )
        raise ValueError(msg)
    return value.like(k, like)


def _broadcasts(shape: Shape, wanted: Shape) -> bool:
    try:
        return np.broadcast_shapes(shape, wanted) == wanted
    except ValueError:
        return False
