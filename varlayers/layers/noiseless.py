"""What layers without uncertain weights have in common: nothing to draw, no KL."""

from abc import ABC, abstractmethod
from typing import Any, Self

from varlayers.dispatch import kernels_for
from varlayers.layers.leaf import Leaf
from varlayers.random import Source
from varlayers.types import Array, Noise, Params, Saved, Shape

__all__ = ["Noiseless", "Parameterless", "Reshaped"]


class Noiseless(Leaf):
    """A layer with neither noise nor divergence, whose output has its input's shape."""

    def out_shape(self, x_shape: Shape) -> Shape:
        return tuple(x_shape)

    def draw(self, key: Source, x_shape: Shape, like: Array) -> dict[str, Any]:
        return {}

    def kl(self, params: Params) -> dict[str, Any]:
        return {}

    def add_kl(
        self, saved: Saved, dparams: Params, weight: float
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        return {}, dict(dparams)

    def weights(self, params: Params) -> dict[str, Any]:
        return {}

    def at_mean(self) -> Self:
        return self


class Parameterless(Noiseless):
    """A noiseless layer without parameters."""

    has_parameters = False

    def init(self, key: Source, like: Array | None = None) -> dict[str, Any]:
        return {}


class Reshaped(Parameterless, ABC):
    """A layer whose output has its input's entries, in the shape `out_shape`.

    forward                     backward
    y = x in another shape      dx = dy in the shape of x
    """

    @abstractmethod
    def out_shape(self, x_shape: Shape) -> Shape:
        """Return the new shape."""

    def forward(self, params: Params, x: Array, noise: Noise) -> tuple[Array, Saved]:
        shape = self.out_shape(tuple(x.shape))
        return kernels_for(x).xp.reshape(x, shape), (x,)

    def backward(
        self, saved: Saved, dy: Array, *, input_gradient: bool = True
    ) -> tuple[Array | None, dict[str, Any]]:
        (x,) = saved
        dx = kernels_for(dy).xp.reshape(dy, x.shape) if input_gradient else None
        return dx, {}
