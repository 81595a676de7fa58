"""Sequential: layers one after another.

    forward                          backward, read from the bottom up
    x₁, saved₀ = layer₀(x₀)          dx₀, dparams₀ = layer₀'s backward of dx₁
    x₂, saved₁ = layer₁(x₁)          dx₁, dparams₁ = layer₁'s backward of dx₂
    …                                …

Parameters, noise, gradients and divergences are dicts by the layer's position, "0",
"1", …, without the layers that have none; saved is a tuple with one entry per layer. So
a layer may stand in two places, and two forwards may precede one backward.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any

from varlayers.checks import check_layers
from varlayers.layers.place import within
from varlayers.random import Source, fold_in
from varlayers.types import Array, Layer, Noise, Params, Saved, Shape

__all__ = ["Sequential"]


@dataclass(frozen=True)
class Sequential:
    """A chain of layers, itself a layer.

    Args:
        layers: at least one.

    Raises:
        ValueError: if there is no layer.

    Example:
        >>> import varlayers as vl
        >>> model = vl.Sequential([vl.Dense(4, 8), vl.Activation("relu")])
        >>> list(model.init(vl.key(0)))
        ['0']
    """

    layers: Sequence[Layer]

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        if not self.layers:
            msg = "Sequential expected at least one layer in `layers`, got none."
            raise ValueError(msg)

    @property
    def has_parameters(self) -> bool:
        return any(layer.has_parameters for layer in self.layers)

    def init(self, key: Source, like: Array | None = None) -> dict[str, Any]:
        return {
            str(index): layer.init(fold_in(key, index), like)
            for index, layer in enumerate(self.layers)
            if layer.has_parameters
        }

    def out_shape(self, x_shape: Shape) -> Shape:
        for index, layer in enumerate(self.layers):
            x_shape = within(str(index), layer.out_shape, x_shape)
        return x_shape

    def draw(self, key: Source, x_shape: Shape, like: Array) -> dict[str, Any]:
        noise = {}
        for index, layer in enumerate(self.layers):
            name, child = str(index), fold_in(key, index)
            noise[name] = within(name, layer.draw, child, x_shape, like)
            x_shape = within(name, layer.out_shape, x_shape)
        return {name: arrays for name, arrays in noise.items() if arrays}

    def forward(self, params: Params, x: Array, noise: Noise) -> tuple[Array, Saved]:
        layers, every = self._parts, []
        check_layers("Sequential", layers, params, noise)
        for name, layer in layers.items():
            own, eps = params.get(name, {}), noise.get(name, {})
            x, saved = within(name, layer.forward, own, x, eps)
            every.append(saved)
        return x, tuple(every)

    def backward(
        self, saved: Saved, dy: Array, *, input_gradient: bool = True
    ) -> tuple[Array | None, dict[str, Any]]:
        dx: Array | None = dy
        dparams = {}
        for index in reversed(range(len(self.layers))):
            dx, grads = self.layers[index].backward(
                saved[index], dx, input_gradient=input_gradient or self._needed[index]
            )
            if grads:
                dparams[str(index)] = grads
        return dx, dict(reversed(dparams.items()))

    def kl(self, params: Params) -> dict[str, Any]:
        kls = {
            str(index): within(str(index), layer.kl, params.get(str(index), {}))
            for index, layer in enumerate(self.layers)
        }
        return {name: kl for name, kl in kls.items() if kl}

    def add_kl(
        self, saved: Saved, dparams: Params, weight: float
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        kls, total = {}, {}
        for name, grads in dparams.items():
            index = int(name)
            kl, total[name] = self.layers[index].add_kl(saved[index], grads, weight)
            if kl:
                kls[name] = kl
        return kls, total

    def weights(self, params: Params) -> dict[str, Any]:
        weights = {
            str(index): within(str(index), layer.weights, params.get(str(index), {}))
            for index, layer in enumerate(self.layers)
        }
        return {name: parts for name, parts in weights.items() if parts}

    def children(
        self, x_shape: Shape | None = None
    ) -> dict[str, tuple[Layer, Shape | None]]:
        children = {}
        for index, layer in enumerate(self.layers):
            children[str(index)] = (layer, x_shape)
            if x_shape is not None:
                x_shape = within(str(index), layer.out_shape, x_shape)
        return children

    def at_mean(self) -> "Sequential":
        return Sequential([layer.at_mean() for layer in self.layers])

    @cached_property
    def _parts(self) -> dict[str, Layer]:
        return {str(index): layer for index, layer in enumerate(self.layers)}

    @cached_property
    def _needed(self) -> list[bool]:
        """Whether a layer before has parameters, and so needs the gradient passed."""
        have = [layer.has_parameters for layer in self.layers]
        return list(accumulate(have[:-1], lambda a, b: a or b, initial=False))
