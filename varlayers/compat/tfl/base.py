"""What the layers of this face share: functions settled, size inferred, state held.

    forward                                    backward, read from the bottom up
    y = layer(x), kernel or bias at the mean   dx, dparams = the layer's, of dy
        where its tensor function says so      dy += loss_weight ∂penalty
    losses = divergences, penalty of y         dparams += loss_weight ∂divergences

Parameters and noise are those of a `Stateful`, the mathematics that of its layer.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import fields, replace
from types import FunctionType
from typing import Any, ClassVar, Self, cast

import numpy as np

from varlayers.checks import check_input
from varlayers.compat.callables import tensor_of
from varlayers.compat.held import Held, Marginals
from varlayers.compat.naming import key_of, name_of
from varlayers.compat.tfl.affine import affine_draw, affine_marginals
from varlayers.compat.tfl.packing import pack, unpack
from varlayers.compat.tfl.regularizers import regularizer_of
from varlayers.compat.tfl.settling import (
    WeightFunctions,
    activation_layer,
    configured,
    settle,
)
from varlayers.compat.way_back import WayBack
from varlayers.dispatch import kernels_for
from varlayers.layers.bilinear import Bilinear
from varlayers.layers.sequential import Sequential
from varlayers.random import Source, fold_in, split
from varlayers.stateful import Stateful
from varlayers.summary import count_parameters
from varlayers.types import Array, Layer, Shape

__all__ = ["VariationalLayer"]


class VariationalLayer(Held, ABC):
    """A layer of this face; the classes made of it document their own arguments.

    Args:
        activation: "relu", …, or an `Elementwise` pair; None for none.
        activity_regularizer: of the output: `L1L2`, or its like.
        trainable: whether `backward` gives gradients of the parameters.
        name: of the layer; by default its class's, numbered.
        dtype: of the parameters; that of the first input by default.
        seed: an integer, or a key, of parameters and noise. Layers of one seed and
            different names differ. Without it they differ from run to run.
        weights: the arguments of `WeightFunctions`; they are attributes, too.
    """

    _arguments: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        activation: Any = None,
        activity_regularizer: Any = None,
        trainable: bool = True,
        *,
        name: str | None = None,
        dtype: str | None = None,
        seed: int | Source | None = None,
        **weights: Any,
    ) -> None:
        owner = type(self).__name__
        unknown = sorted(weights.keys() - {f.name for f in fields(WeightFunctions)})
        if unknown:
            msg = (
                f"{owner} expected arguments it knows, got {unknown}. Those of the "
                f"weights are {[f.name for f in fields(WeightFunctions)]}."
            )
            raise TypeError(msg)
        self.functions = WeightFunctions(**weights)
        for argument in ("kernel_posterior_tensor_fn", "bias_posterior_tensor_fn"):
            asked = getattr(self.functions, argument)
            asked = tensor_of(owner, argument, asked)
            self.functions = replace(self.functions, **{argument: asked})
        for argument, value in vars(self.functions).items():
            setattr(self, argument, value)
        self.activation = activation_layer(owner, activation)
        self.activity_regularizer = regularizer_of(
            owner, "activity_regularizer", activity_regularizer
        )
        self.trainable, self.dtype, self.seed = trainable, dtype, seed
        self.name = name_of(type(self), name)
        self.key = key_of(seed, self.name)
        super().__init__()

    @abstractmethod
    def _make(self, input_shape: Shape, settings: dict[str, Any]) -> Bilinear:
        """Return the layer for an input of that shape."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: name={self.name!r}>"

    # ---- building and calling --------------------------------------------------

    def build(self, input_shape: Shape, like: Array | None = None) -> None:
        """Make the parameters for inputs of a shape, of which axis 0 may be None.

        Args:
            input_shape: the batch included.
            like: an array whose library, dtype and device they get.

        Raises:
            TypeError: if `like` has another dtype than the layer was given, or one that
                is not floating.
            ValueError: if the layer does not take inputs of that shape.
        """
        owner = type(self).__name__
        if like is None:
            like = np.zeros(0, self.dtype or "float32")
        k, dtype = kernels_for(like), str(like.dtype).rpartition(".")[2]
        check_input(owner, k, like, like)
        if self.dtype not in (None, dtype):
            msg = (
                f"{owner} expected `x` of dtype {self.dtype}, as it was given, got "
                f"{dtype}. Convert one of the two."
            )
            raise TypeError(msg)
        shape = tuple(size or 1 for size in input_shape)
        settings, raw_scales = settle(owner, self.functions, dtype, self.trainable)
        inner = self._make(shape, settings)
        inner.out_shape(self._shape_seen(shape))
        params = inner.init(self.key, like)
        for index, (name, draw) in enumerate(raw_scales.items()):
            loc = params[name]["loc"]
            key = fold_in(split(self.key, 2)[1], index)
            rho = draw(k, key, tuple(loc.shape), like, inner.fans)
            params[name]["rho"] = rho
        self.layer = self._with_activation(inner)
        asked = self._as_asked(inner)
        run = self.layer if asked is inner else self._with_activation(asked)
        every = params if self.activation is None else {"0": params}
        self._state = Stateful(run, self.key, like=like, params=every)

    def __call__(self, x: Array, key: Source | None = None) -> Array:
        """Return the output for x, at a new sample unless the functions ask for means.

        Args:
            x: (batch, …).
            key: gives the noise; without it every call draws its own, anew.
        """
        return self.forward(x, key)[0]

    call = __call__

    def forward(self, x: Array, key: Source | None = None) -> tuple[Array, WayBack]:
        """Return the output for x, as a call does, and the way back."""
        if self._state is None:
            kernels_for(x)
            self.build(tuple(x.shape), x)
        state, x = cast("Stateful", self._state), self._seen(x)
        drawn = state.next_key if key is None else key
        y, way = state.forward(x, key)
        penalty = self.activity_regularizer
        value = None if penalty is None else penalty.value(kernels_for(y), y)
        passed = WayBack(self, way, state.params, x, y, drawn)
        self._latest = (passed, value)
        return y, passed

    def compute_output_shape(self, input_shape: Shape) -> tuple[int | None, ...]:
        """Return the shape of the output; axis 0 may be None."""
        shape = tuple(size or 1 for size in input_shape)
        dtype, owner = self.dtype or "float32", type(self).__name__
        settings, _ = settle(owner, self.functions, dtype, self.trainable)
        made = self._make(shape, settings).out_shape(self._shape_seen(shape))
        return (input_shape[0], *made[1:])

    # ---- what Keras calls it -----------------------------------------------------

    @property
    def built(self) -> bool:
        """Whether there are parameters."""
        return self._state is not None

    @property
    def weights(self) -> list[Array]:
        """The parameters in order: `variables`."""
        return self.variables

    @property
    def trainable_weights(self) -> list[Array]:
        """The parameters, if the layer is trainable."""
        return self.trainable_variables

    @property
    def non_trainable_weights(self) -> list[Array]:
        """The parameters, if the layer is not trainable."""
        return self.non_trainable_variables

    def count_params(self) -> int:
        """Return the number of numbers in the parameters."""
        return count_parameters(self.params)

    @property
    def kernel_posterior_affine(self) -> Marginals | None:
        """What the latest call drew of: with Flipout N(0, scale²) of the kernel.

        With local reparameterization the output before the bias; None otherwise.
        """
        way = self._latest[0]
        return None if way is None else affine_marginals(way)

    @property
    def kernel_posterior_affine_tensor(self) -> Array | None:
        """The draw of it."""
        way = self._latest[0]
        return None if way is None else affine_draw(way)

    # ---- configuration -----------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, of kinds that JSON has.

        Raises:
            TypeError: if a function is among them: pass what it returns instead.
        """
        owner = type(self).__name__
        every = {
            **{name: getattr(self, name) for name in self._arguments},
            "activation": self.activation and self.activation.function,
            "activity_regularizer": self.activity_regularizer,
            "trainable": self.trainable,
            "name": self.name,
            "dtype": self.dtype,
            "seed": self.seed,
            **self._configured(),
        }
        for argument, value in every.items():
            if isinstance(value, FunctionType):
                msg = (
                    f"{owner}.get_config expected `{argument}` that JSON can hold, got "
                    f"the function {value.__name__}. Pass what it returns instead."
                )
                raise TypeError(msg)
        return {name: pack(value) for name, value in every.items()}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Return a layer of the same arguments."""
        return cls(**{name: unpack(value) for name, value in config.items()})

    def _configured(self) -> dict[str, Any]:
        return configured(type(self).__name__, self.functions)

    # ---- parts -------------------------------------------------------------------

    def _shape_seen(self, shape: Shape) -> Shape:
        """Return the shape of what the layer sees of an input."""
        return shape

    def _seen(self, x: Array) -> Array:
        """Return what the layer sees of an input."""
        return x

    def _with_activation(self, inner: Bilinear) -> Layer:
        return (
            inner if self.activation is None else Sequential([inner, self.activation])
        )

    def _as_asked(self, inner: Bilinear) -> Bilinear:
        """Return the layer with the weights whose mean is asked for held there."""
        at_mean = inner.at_mean()
        changes: dict[str, Any] = {}
        if self.functions.kernel_posterior_tensor_fn == "mean":
            changes |= {"posterior": at_mean.posterior, "prior": at_mean.prior}
        if self.functions.bias_posterior_tensor_fn == "mean":
            changes |= {"bias": at_mean.bias, "bias_prior": at_mean.bias_prior}
        return replace(inner, **changes) if changes else inner
