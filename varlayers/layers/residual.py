"""Residual block: y = inner(x) + shortcut(x), the shortcut the identity by default.

    forward                       backward
    y = inner(x) + shortcut(x)    dx = the sum of the two backwards of dy

Shapes: inner(x) and shortcut(x) alike. saved = (inner's, shortcut's or ()).

Reference: He, Zhang, Ren & Sun (2016), arXiv:1512.03385.
"""

from dataclasses import dataclass
from typing import Any

from varlayers.checks import check_layers
from varlayers.layers.place import within
from varlayers.random import Source, fold_in
from varlayers.types import Array, Layer, Noise, Params, Saved, Shape

__all__ = ["Residual"]


@dataclass(frozen=True)
class Residual:
    """Add a layer's output to its input.

    Args:
        inner: any layer, a `Sequential` for instance.
        shortcut: a layer that brings x to the shape of inner(x); None where it has it.

    Raises:
        ValueError: when used on a shape that inner and shortcut map differently.
    """

    inner: Layer
    shortcut: Layer | None = None

    @property
    def _parts(self) -> dict[str, Layer]:
        parts = {"inner": self.inner, "shortcut": self.shortcut}
        return {name: layer for name, layer in parts.items() if layer is not None}

    @property
    def has_parameters(self) -> bool:
        return any(layer.has_parameters for layer in self._parts.values())

    def init(self, key: Source, like: Array | None = None) -> dict[str, Any]:
        return {
            name: layer.init(fold_in(key, index), like)
            for index, (name, layer) in enumerate(self._parts.items())
            if layer.has_parameters
        }

    def out_shape(self, x_shape: Shape) -> Shape:
        shapes = [
            within(name, layer.out_shape, x_shape)
            for name, layer in self._parts.items()
        ]
        wanted = tuple(x_shape) if self.shortcut is None else shapes[1]
        if shapes[0] != wanted:
            msg = (
                f"Residual expected `inner` to return shape {wanted}, as its shortcut, "
                f"got {shapes[0]}. Give a shortcut layer that returns it."
            )
            raise ValueError(msg)
        return wanted

    def draw(self, key: Source, x_shape: Shape, like: Array) -> dict[str, Any]:
        noise = {
            name: within(name, layer.draw, fold_in(key, index), x_shape, like)
            for index, (name, layer) in enumerate(self._parts.items())
        }
        return {name: arrays for name, arrays in noise.items() if arrays}

    def forward(self, params: Params, x: Array, noise: Noise) -> tuple[Array, Saved]:
        check_layers("Residual", self._parts, params, noise)
        self.out_shape(tuple(x.shape))
        y, every = (x, []) if self.shortcut is None else (None, [])
        for name, layer in self._parts.items():
            own, eps = params.get(name, {}), noise.get(name, {})
            part, saved = within(name, layer.forward, own, x, eps)
            y = part if y is None else y + part
            every.append(saved)
        return y, tuple(every)

    def backward(
        self, saved: Saved, dy: Array, *, input_gradient: bool = True
    ) -> tuple[Array | None, dict[str, Any]]:
        dx = dy if self.shortcut is None else None
        dparams = {}
        for (name, layer), part in zip(self._parts.items(), saved, strict=True):
            step, grads = layer.backward(part, dy, input_gradient=input_gradient)
            dx = step if dx is None or step is None else dx + step
            if grads:
                dparams[name] = grads
        return (dx if input_gradient else None), dparams

    def kl(self, params: Params) -> dict[str, Any]:
        kls = {
            name: within(name, layer.kl, params.get(name, {}))
            for name, layer in self._parts.items()
        }
        return {name: kl for name, kl in kls.items() if kl}

    def add_kl(
        self, saved: Saved, dparams: Params, weight: float
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        kls, total = {}, {}
        for (name, layer), part in zip(self._parts.items(), saved, strict=True):
            if name in dparams:
                kl, total[name] = layer.add_kl(part, dparams[name], weight)
                if kl:
                    kls[name] = kl
        return kls, total

    def weights(self, params: Params) -> dict[str, Any]:
        weights = {
            name: within(name, layer.weights, params.get(name, {}))
            for name, layer in self._parts.items()
        }
        return {name: parts for name, parts in weights.items() if parts}

    def children(
        self, x_shape: Shape | None = None
    ) -> dict[str, tuple[Layer, Shape | None]]:
        return {name: (layer, x_shape) for name, layer in self._parts.items()}

    def at_mean(self) -> "Residual":
        shortcut = None if self.shortcut is None else self.shortcut.at_mean()
        return Residual(self.inner.at_mean(), shortcut)
