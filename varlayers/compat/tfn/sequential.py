"""`Sequential`: layers of this face, one after another.

    forward                        backward, read from the bottom up
    x₁ = layer₀(x₀)                dx₀, dparams₀ = the way back of layer₀, of dx₁
    …                              …

Parameters and gradients are dicts by position, "0", "1", …, without layers that have
none.
"""

import os
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Self

from varlayers.activations import Elementwise
from varlayers.compat.callables import activation_of
from varlayers.compat.naming import name_of
from varlayers.compat.tfn.layer import Layer
from varlayers.compat.tfn.shapes import show
from varlayers.layers.activation import Activation
from varlayers.layers.sequential import Sequential as CoreSequential
from varlayers.random import Source, fold_in
from varlayers.serialization import load, save
from varlayers.summary import summarize
from varlayers.types import Array, Params, Shape

__all__ = ["Chain", "Sequential"]


class Chain(NamedTuple):
    """The way back through one call of a `Sequential`."""

    ways: tuple[Any, ...]

    def __call__(
        self, dy: Array, *, kl_weight: float = 0.0, input_gradient: bool = True
    ) -> tuple[Array | None, dict[str, Any]]:
        """Return dx and the gradients, as the way back of one layer does."""
        found: dict[str, Any] = {}
        for index in reversed(range(len(self.ways))):
            wanted = input_gradient or index > 0
            dy, grads = self.ways[index](dy, kl_weight=kl_weight, input_gradient=wanted)
            if grads:
                found[str(index)] = grads
        return dy, dict(reversed(found.items()))


class Sequential(Layer):
    """A chain of layers.

    Args:
        layers: layers of this face, layers of varlayers, names of activations or
            `Elementwise` pairs; at least one.
        also_track: layers whose variables count as this one's.
        validate_args: accepted; arguments are checked in any case.
        name: by default those of the parts, joined by "_".
        like: an array whose library, dtype and device the parameters of layers of
            varlayers get; NumPy's float32 by default.

    Raises:
        TypeError: if a part is a function without its derivative.
        ValueError: if there is no part, or a layer of this face twice.
    """

    def __init__(
        self,
        layers: Sequence[Any],
        also_track: Iterable[Layer] | None = None,
        validate_args: bool = False,
        name: str | None = None,
        *,
        like: Array | None = None,
    ) -> None:
        if not layers:
            msg = "Sequential expected at least one layer in `layers`, got none."
            raise ValueError(msg)
        self.layers = tuple(_part(layer, like) for layer in layers)
        if len(set(map(id, self.layers))) < len(self.layers):
            msg = "Sequential expected every layer once in `layers`, got one twice."
            raise ValueError(msg)
        self.also_track, self.validate_args = list(also_track or ()), validate_args
        self.name = name or name_of(
            type(self), "_".join(layer.name for layer in self.layers)
        )
        self.layer = CoreSequential([part.layer for part in self.layers])
        self._traced = False

    def __call__(self, x: Any, key: Source | None = None) -> Any:
        """Return the output for x; or, for a layer of this face, that and this one."""
        if isinstance(x, Layer):
            return Sequential([x, self])
        return self.forward(x, key)[0]

    def set_trace(self, trace: bool) -> Self:
        """Print the shapes between the layers from now on, or not; return this one."""
        self._traced = trace
        return self

    def __getitem__(self, index: int | slice) -> Any:
        """Return a layer, or a chain of some; they share their parameters."""
        chosen = self.layers[index]
        return chosen if isinstance(chosen, Layer) else Sequential(chosen)

    def forward(self, x: Array, key: Source | None = None) -> tuple[Array, Chain]:
        """Return the output for x, and the way back; child i of the key for layer i."""
        ways = []
        if self._traced:
            show(f"{self.name} input", x)
        for index, layer in enumerate(self.layers):
            x, way = layer.forward(x, None if key is None else fold_in(key, index))
            ways.append(way)
            if self._traced:
                show(f"{self.name} {layer.name}", x)
        return x, Chain(tuple(ways))

    @property
    def params(self) -> dict[str, Any]:
        """The parameters, a nested dict. Assign one of the same names and shapes."""
        return {n: layer.params for n, layer in self._parts.items() if layer.params}

    @params.setter
    def params(self, params: Params) -> None:
        names = [name for name, layer in self._parts.items() if layer.params]
        if list(params) != names:
            msg = (
                f"Sequential expected parameters of layers {names}, got {list(params)}."
            )
            raise ValueError(msg)
        for name in names:
            self._parts[name].params = params[name]

    @property
    def variables(self) -> list[Array]:
        """The parameters in order, those also tracked last."""
        every = (*self.layers, *self.also_track)
        return [array for layer in every for array in layer.variables]

    @property
    def losses(self) -> list[Array]:
        """The divergences in order, in nats and unscaled."""
        return [loss for layer in self.layers for loss in layer.losses]

    def summary(self, input_shape: Shape | None = None) -> str:
        """Return a table of the layers; see `summarize`."""
        return summarize(self.layer, self.params, input_shape)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write layers and parameters into a file, which `varlayers.load` reads too."""
        save(path, self.layer, self.params)

    def load(self, path: str | os.PathLike[str]) -> None:
        """Take the parameters from a file of the same layers."""
        like = next(iter(self.variables), None)
        self.params = load(path, like=like, model=self.layer)[1]

    @property
    def _parts(self) -> dict[str, Layer]:
        return {str(index): layer for index, layer in enumerate(self.layers)}

    def _inner(self) -> list[Layer]:
        return [*self.layers, *self.also_track]


def _part(layer: Any, like: Array | None) -> Layer:
    if isinstance(layer, Layer):
        return layer
    if hasattr(layer, "init") and hasattr(layer, "backward"):
        name = type(layer).__name__.lower()
        return Layer(layer, name=name, like=like)
    pair = activation_of("Sequential", "layers", layer)
    named: str | Elementwise = layer if isinstance(layer, str) else pair
    return Layer(
        Activation(named), name=layer if isinstance(layer, str) else "function"
    )
