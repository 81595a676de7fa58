"""What the priors of independent weights share: location, scale, and learning them.

One standard density f per family gives all the rest:

    forward                                backward
    z = (w - loc) / scale                  g  = ∂log f(z) / ∂z
    log p(w) = log f(z) - log(scale)       dw = g / scale        dloc = -g / scale
    scale = exp(log_scale) factor          dlog_scale = -(1 + g z)

factor is 1 / sqrt(fan_in) for a width-scaled prior, else 1. A trainable loc or scale is
a parameter of the layer, `loc` or `log_scale`, shaped as the number or array that it
starts from; its gradient is summed to that shape. A family with numbers of its own in f
can learn those, too: `shaped` has their gradients. Learning a prior with the posterior
is empirical Bayes: the evidence lower bound is maximized over both.

Shapes: w, z and g alike; loc and scale broadcast to w.

Reference: MacKay (1992), "A practical Bayesian framework for backpropagation networks".
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from varlayers.constants import Constant, constant
from varlayers.kernels import Kernels
from varlayers.types import Array, Params, Shape

__all__ = ["LocationScalePrior"]


@dataclass(frozen=True)
class LocationScalePrior(ABC):
    """Independent weights with one standard density, moved and stretched.

    Args:
        loc: a number, or an array that broadcasts to the weight.
        scale: > 0; a number, or an array that broadcasts to the weight.
        width_scaled: divide `scale` by sqrt(fan_in).
        trainable: which of "loc" and "scale", or of what else a family can learn, are
            learned; they start at the values given.

    Raises:
        ValueError: if a scale is not positive, if `trainable` names something else or,
            in use, if an array does not broadcast.
    """

    loc: Any = 0.0
    scale: Any = 1.0
    width_scaled: bool = False
    trainable: tuple[str, ...] = ()

    learnable: ClassVar[dict[str, str]] = {"loc": "loc", "scale": "log_scale"}

    def __post_init__(self) -> None:
        object.__setattr__(self, "loc", constant(self.loc))
        object.__setattr__(self, "scale", constant(self.scale))
        owner, least = type(self).__name__, _least(self.scale)
        if not least > 0:
            msg = f"{owner} expected `scale` > 0, got {least}."
            raise ValueError(msg)
        named = self.trainable
        if isinstance(named, str) or not set(named) <= set(self.learnable):
            msg = (
                f"{owner} expected `trainable` with some of {list(self.learnable)}, "
                f"got {named!r}. Write ('scale',) for one."
            )
            raise ValueError(msg)
        in_order = tuple(name for name in self.learnable if name in named)
        object.__setattr__(self, "trainable", in_order)

    @abstractmethod
    def standard(self, k: Kernels, z: Array) -> tuple[Array, Array]:
        """Return log f(z) and its derivative, of the density with loc 0 and scale 1."""

    def shaped(
        self, k: Kernels, params: Params, z: Array
    ) -> tuple[Array, Array, dict[str, Array]]:
        """Return what `standard` does, with what is learned of f, and its gradients.

        Those are of z's shape, behind the axes of the parameter if that is an array.
        """
        return *self.standard(k, z), {}

    def starts(self) -> dict[str, Any]:
        """Return the first values of all that can be learned, on the host."""
        return {"loc": _host(self.loc), "log_scale": np.log(_host(self.scale))}

    @property
    def shapes(self) -> dict[str, Shape]:
        learned = [self.learnable[name] for name in self.trainable]
        starts = self.starts() if learned else {}
        return {name: tuple(np.shape(starts[name])) for name in learned}

    def init(self, k: Kernels, like: Array) -> dict[str, Array]:
        starts = self.starts()
        return {name: k.asarray(starts[name], like) for name in self.shapes}

    def loc_and_scale(
        self, k: Kernels, params: Params, like: Array, fan_in: int
    ) -> tuple[Any, Any]:
        """Return loc and scale, floats or arrays that broadcast to `like`."""
        factor = 1 / math.sqrt(max(fan_in, 1)) if self.width_scaled else 1.0
        for name in ("loc", "scale"):
            self._check_broadcasts(name, tuple(like.shape))
        loc, scale = (
            value.like(k, like) if isinstance(value, Constant) else value
            for value in (params.get("loc", self.loc), self.scale)
        )
        if "log_scale" in params:
            scale = k.xp.exp(params["log_scale"])
        return loc, scale * factor

    def log_density(
        self, k: Kernels, params: Params, w: Array, fan_in: int
    ) -> tuple[Array, Array, dict[str, Array]]:
        loc, scale = self.loc_and_scale(k, params, w, fan_in)
        z = (w - loc) / scale
        log_f, g, own = self.shaped(k, params, z)
        log_scale = math.log(scale) if isinstance(scale, float) else k.xp.log(scale)
        dw = g / scale
        dparams = {"loc": -dw, "log_scale": -(1 + g * z), **own} if params else {}
        return log_f - log_scale, dw, {name: dparams[name] for name in params}

    def log_prob(
        self, k: Kernels, params: Params, w: Array, fan_in: int
    ) -> tuple[Array, Array, dict[str, Array]]:
        log_p, dw, dparams = self.log_density(k, params, w, fan_in)
        return k.xp.sum(log_p), dw, self.sum_to_shapes(k, dparams)

    def sum_to_shapes(self, k: Kernels, dparams: Params) -> dict[str, Array]:
        shapes = self.shapes
        return {n: _sum_to(k, d, shapes[n]) for n, d in dparams.items()}

    def _check_broadcasts(self, name: str, shape: Shape) -> None:
        own = _shape(getattr(self, name))
        if not _broadcasts(own, shape):
            msg = (
                f"{type(self).__name__} expected `{name}` that broadcasts to the "
                f"weight's shape {shape}, got shape {own}."
            )
            raise ValueError(msg)


def _shape(value: float | Constant) -> Shape:
    return tuple(value.array.shape) if isinstance(value, Constant) else ()


def _host(value: float | Constant) -> Any:
    return value.array if isinstance(value, Constant) else np.float64(value)


def _least(value: float | Constant) -> float:
    return float(np.min(value.array)) if isinstance(value, Constant) else value


def _broadcasts(shape: Shape, wanted: Shape) -> bool:
    try:
        return np.broadcast_shapes(shape, wanted) == wanted
    except ValueError:
        return False


def _sum_to(k: Kernels, x: Array, shape: Shape) -> Array:
    """Return the adjoint of broadcasting an array of `shape` to that of x."""
    padded = (1,) * (x.ndim - len(shape)) + shape
    axes = tuple(i for i, size in enumerate(padded) if size == 1 != x.shape[i])
    return k.xp.reshape(k.xp.sum(x, axis=axes, keepdims=True) if axes else x, shape)
