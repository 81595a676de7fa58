"""What the layers of this face share: a name, variables, state, and a way back.

    forward                                  backward, read from the bottom up
    y = layer(x), or at the mean weights     dx, dparams = the layer's, of dy
    losses = the divergences                 dparams += kl_weight ∂divergences

A call adds nothing to a loss: `kl_weight` does, and `losses.compute_extra_loss` tells
what. Parameters are those of a `Stateful`, the mathematics that of its layer.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeVar

import numpy as np

from varlayers.compat.held import Held, Marginals
from varlayers.compat.naming import key_of, name_of
from varlayers.compat.tfn.weights import KernelBias
from varlayers.compat.way_back import WayBack
from varlayers.random import Source
from varlayers.stateful import Stateful
from varlayers.types import Array
from varlayers.types import Layer as CoreLayer

__all__ = ["Backward", "JointMarginals", "Layer", "VariationalLayer"]

_F = TypeVar("_F", bound=Callable[..., Any])


class Backward(NamedTuple):
    """The way back through one call of a layer.

    Attributes:
        way: of the layer that was run.
    """

    way: WayBack

    def __call__(
        self, dy: Array, *, kl_weight: float = 0.0, input_gradient: bool = True
    ) -> tuple[Array | None, dict[str, Any]]:
        """Return the gradients by the input and by every parameter.

        Args:
            dy: gradient of the loss by the output.
            kl_weight: adds this times the gradient of the sum of the layer's `losses`.
            input_gradient: whether dx is wanted; it is None otherwise.

        Returns:
            dx and the gradients, nested as `params`.
        """
        return self.way(dy, loss_weight=kl_weight, input_gradient=input_gradient)


class JointMarginals(NamedTuple):
    """What is believed of kernel and bias; the bias is None if there is none."""

    kernel: Marginals
    bias: Marginals | None

    def mean(self) -> KernelBias:
        """Return the means."""
        return KernelBias(*(part and part.mean() for part in self))

    def stddev(self) -> KernelBias:
        """Return the standard deviations, 0 for a point."""
        return KernelBias(*(part and part.stddev() for part in self))

    def variance(self) -> KernelBias:
        """Return the variances."""
        return KernelBias(*(part and part.variance() for part in self))


class Layer(Held):
    """A layer of varlayers with a name and state.

    Args:
        layer: any layer of varlayers.
        also_track: layers of this face whose variables count as this one's.
        validate_args: accepted; arguments are checked in any case.
        name: by default the class's, numbered.
        seed: an integer, or a key, of parameters and noise. Layers of one seed and
            different names differ. Without it they differ from run to run.
        dtype: of the parameters, which are NumPy's.
        like: an array whose library, dtype and device they get instead.
        at_mean: run the layer at its mean weights.
    """

    def __init__(
        self,
        layer: CoreLayer,
        also_track: Iterable["Layer"] | None = None,
        validate_args: bool = False,
        name: str | None = None,
        *,
        seed: int | Source | None = None,
        dtype: str = "float32",
        like: Array | None = None,
        at_mean: bool = False,
    ) -> None:
        super().__init__()
        self.also_track, self.validate_args = list(also_track or ()), validate_args
        self.name = name_of(type(self), name)
        self.key = key_of(seed, self.name)
        like = np.zeros(0, dtype) if like is None else like
        self.layer, self.dtype = layer, str(like.dtype).rpartition(".")[2]
        run = layer.at_mean() if at_mean else layer
        self._state = Stateful(run, self.key, like=like)
        self._last: WayBack | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: name={self.name!r}>"

    def __call__(self, x: Array, key: Source | None = None) -> Array:
        """Return the output for x, at new noise, or that of the key."""
        return self.forward(x, key)[0]

    def forward(self, x: Array, key: Source | None = None) -> tuple[Array, Any]:
        """Return the output for x, as a call does, and the way back."""
        state = self._built()
        drawn = state.next_key if key is None else key
        y, way = state.forward(x, key)
        passed = WayBack(self, way, state.params, x, y, drawn)
        self._latest, self._last = (passed, None), passed
        return y, Backward(passed)

    @property
    def name_scope(self) -> str:
        """The name."""
        return self.name

    @property
    def submodules(self) -> tuple["Layer", ...]:
        """The layers inside, at any depth."""
        inner: list[Layer] = []
        for layer in self._inner():
            inner += [layer, *layer.submodules]
        return tuple(inner)

    @property
    def variables(self) -> list[Array]:
        """The parameters in order, those also tracked last."""
        own = self._built().trainable_variables
        return own + [array for layer in self.also_track for array in layer.variables]

    @classmethod
    def with_name_scope(cls, method: _F) -> _F:
        """Return the method: names here need no scope."""
        return method

    def _inner(self) -> list["Layer"]:
        return list(self.also_track)


class VariationalLayer(Layer):
    """A layer with a posterior and a prior over its kernel and its bias.

    The arguments are those of `Layer`; its layer is bilinear.
    """

    @property
    def posterior(self) -> JointMarginals:
        """Mean and standard deviation of kernel and bias."""
        return JointMarginals(self.kernel_posterior, self.bias_posterior)

    @property
    def prior(self) -> KernelBias:
        """The priors of kernel and bias."""
        return KernelBias(self.kernel_prior, self.bias_prior)

    @property
    def posterior_value(self) -> KernelBias | None:
        """Kernel and bias of the latest call; None before the first.

        The sample that the divergence takes: with Flipout without the signs, and with
        local reparameterization beside the output, which no one sample gives.
        """
        way = self._last
        if way is None:
            return None
        values = way.values
        return KernelBias(values["kernel"], values.get("bias"))
