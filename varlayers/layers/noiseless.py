"""What layers without uncertain weights have in common: nothing to draw, no KL."""

from typing import Any, Self

from varlayers.layers.leaf import Leaf
from varlayers.random import Source
from varlayers.types import Array, Params, Saved, Shape

__all__ = ["Noiseless", "Parameterless"]


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
