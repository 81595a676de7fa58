"""An activation function as a layer."""

from dataclasses import dataclass
from typing import Any

from varlayers.activations import ACTIVATIONS, Elementwise
from varlayers.checks import lookup
from varlayers.dispatch import kernels_for
from varlayers.layers.noiseless import Parameterless
from varlayers.types import Array, Noise, Params, Saved

__all__ = ["Activation"]


@dataclass(frozen=True)
class Activation(Parameterless):
    """Apply a function to every element.

    Args:
        function: "relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid",
            "softplus", or an `Elementwise` pair of functions.

    Raises:
        TypeError: if it is a class.
        ValueError: if the name is unknown.
    """

    function: Elementwise | str

    def __post_init__(self) -> None:
        lookup("Activation", "function", self.function, ACTIVATIONS)

    def forward(self, params: Params, x: Array, noise: Noise) -> tuple[Array, Saved]:
        return self._pair.forward(kernels_for(x), x)

    def backward(
        self, saved: Saved, dy: Array, *, input_gradient: bool = True
    ) -> tuple[Array | None, dict[str, Any]]:
        dx = self._pair.backward(kernels_for(dy), saved, dy) if input_gradient else None
        return dx, {}

    @property
    def _pair(self) -> Elementwise:
        if isinstance(self.function, str):
            return ACTIVATIONS[self.function]
        return self.function
