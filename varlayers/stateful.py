"""`Stateful`: a layer as an object that holds its parameters and draws its own noise.

One generic shell around any layer, for those who know Keras, TensorFlow Probability or
Pyro. All that it does is done by the layer's functions; its state is the parameters, a
key, and how many calls have drawn noise.

    parameters          layer.init(key)
    noise of call t     child t of part 0 of the key, t = 0, 1, …
"""

import os
from collections.abc import Mapping
from copy import copy
from typing import Any, NamedTuple, Self

from varlayers import tree
from varlayers.dispatch import kernels_for
from varlayers.random import Key, Source, fold_in, split
from varlayers.random import key as make_key
from varlayers.serialization import (
    check_params,
    describe,
    load_state,
    model_of,
    rebuild,
    save_state,
)
from varlayers.summary import compact, count_parameters, summarize
from varlayers.types import Array, Layer, Params, Saved, Shape

__all__ = ["Backward", "Stateful"]


class Backward(NamedTuple):
    """The way back through one call: what it saved, whatever was called since.

    Attributes:
        layer: the layer that was called.
        saved: what its backward needs.
    """

    layer: Layer
    saved: Saved

    def __call__(
        self, dy: Array, *, kl_weight: float = 0.0, input_gradient: bool = True
    ) -> tuple[Array | None, dict[str, Any]]:
        """Return the gradients by the input and by every parameter.

        Args:
            dy: gradient of the loss by the output.
            kl_weight: adds this times the gradient of the divergence, for a loss of
                which it is a part: beta / num_data, if the loss is per example.
            input_gradient: whether dx is wanted; it is None otherwise.

        Returns:
            dx and the gradients, nested as the parameters. Nothing is accumulated.
        """
        dx, grads = self.layer.backward(self.saved, dy, input_gradient=input_gradient)
        if kl_weight:
            _, grads = self.layer.add_kl(self.saved, grads, kl_weight)
        return dx, grads


class Stateful:
    """A layer with parameters and noise of its own.

    Args:
        layer: any layer.
        key: a seed, or a key. The same one gives the same parameters and the same
            noise, call by call, on every array library.
        like: an array whose library, dtype and device the first parameters get; without
            it they are NumPy's, in float32.
        params: parameters to start from instead. They are not copied.

    Raises:
        TypeError: if key is neither an integer nor a key.
        ValueError: if the parameters are not the layer's.

    Example:
        >>> import numpy as np, varlayers as vl
        >>> model = vl.Stateful(vl.Dense(3, 2), 0)
        >>> x = np.ones((4, 3), np.float32)
        >>> bool(np.any(model(x) != model(x))), model(x, mean=True).shape
        (True, (4, 2))
        >>> y, backward = model.forward(x)
        >>> dx, grads = backward(y, kl_weight=1 / 100)
        >>> list(grads)
        ['kernel', 'bias']
    """

    def __init__(
        self,
        layer: Layer,
        key: Source | int = 0,
        *,
        like: Array | None = None,
        params: Params | None = None,
    ) -> None:
        self._layer = layer
        self._key = key if isinstance(key, tuple) else make_key(key)
        self._calls = 0
        self._input_shape: Shape | None = None
        self._params = layer.init(self._key, like)
        if params is not None:
            self.params = params

    def __repr__(self) -> str:
        count = count_parameters(self._params)
        return f"Stateful({compact(self._layer)}: {count:,} parameters)"

    @property
    def layer(self) -> Layer:
        """The layer, a frozen description."""
        return self._layer

    @property
    def next_key(self) -> Source:
        """The key of the next call that is given none."""
        return fold_in(split(self._key, 1)[0], self._calls)

    # ---- forward and backward --------------------------------------------------

    def __call__(
        self, x: Array, key: Source | None = None, *, mean: bool = False
    ) -> Array:
        """Return the output for x: one posterior sample.

        Args:
            x: as the layer takes it.
            key: gives the noise; without it every call draws its own, anew. Inside
                `jax.jit` pass a key: the call is counted only when it is traced.
            mean: return the output at the mean weights instead. Draws nothing.
        """
        if mean:
            self._input_shape = _shape(x)
            return self._layer.at_mean().forward(self._params, x, {})[0]
        return self.forward(x, key)[0]

    def forward(self, x: Array, key: Source | None = None) -> tuple[Array, Backward]:
        """Return the output for x, as a call does, and the way back.

        The way back keeps what it needs for itself: calls may be followed by their
        backwards in any order, and a backward may be run twice.
        """
        self._input_shape = _shape(x)
        if key is None:
            key = self.next_key
            self._calls += 1
        noise = self._layer.draw(key, self._input_shape, x)
        y, saved = self._layer.forward(self._params, x, noise)
        return y, Backward(self._layer, saved)

    # ---- parameters and divergence ---------------------------------------------

    @property
    def params(self) -> dict[str, Any]:
        """The parameters, a nested dict. Assign one of the same names and shapes."""
        return self._params

    @params.setter
    def params(self, params: Params) -> None:
        check_params("Stateful", params, self._params)
        self._params = tree.map_leaves(lambda leaf: leaf, params)

    @property
    def parameters(self) -> dict[str, Array]:
        """The parameters by dotted name, "0.kernel.loc" for instance."""
        return dict(tree.items(self._params))

    @property
    def trainable_variables(self) -> list[Array]:
        """The parameters in order."""
        return tree.leaves(self._params)

    @property
    def posterior(self) -> dict[str, Any]:
        """{"loc", "scale"} of each weight's posterior, nested by name."""
        return self._layer.weights(self._params)

    @property
    def kl_parts(self) -> dict[str, Any]:
        """Each weight's divergence from its prior in nats, nested by name."""
        return self._layer.kl(self._params)

    @property
    def losses(self) -> list[Array]:
        """The divergences in order, in nats and unscaled."""
        return tree.leaves(self.kl_parts)

    def kl(self) -> Array | float:
        """Return the sum of the divergences, in nats; 0.0 if there is none."""
        return sum(self.losses, start=0.0)

    def summary(self, input_shape: Shape | None = None) -> str:
        """Return a table of the layers; see `summarize`.

        Args:
            input_shape: of x, the batch included; that of the latest call by default.
        """
        shape = self._input_shape if input_shape is None else input_shape
        return summarize(self._layer, self._params, shape)

    # ---- moving, saving, loading -----------------------------------------------

    def to(self, like: Array) -> Self:
        """Return a copy in the library, dtype and device of `like`.

        It goes on with the same noise. The two share no array.
        """
        params = rebuild(describe(self._params), like=like)
        return self._with(params, self._key, self._calls)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the layer, its parameters and where its noise stands into a file.

        `varlayers.load` reads it as well. See `varlayers.save` for what is raised. A
        library's own generator is not saved.
        """
        state = {"model": self._layer, "params": self._params}
        if isinstance(self._key, Key):
            state |= {"key": self._key, "calls": self._calls}
        save_state(path, state)

    def load(self, path: str | os.PathLike[str]) -> None:
        """Take parameters, and where the noise stands, from a file of the same layer.

        The library, dtype and device stay as they are. A file that `varlayers.save`
        wrote leaves the noise alone. If anything is wrong, nothing changes.

        Raises:
            FileNotFoundError: if there is no file.
            ValueError: if the file is damaged, or holds another layer.
        """
        like = next(iter(self.trainable_variables), None)
        state = load_state(path, like=like)
        _, params = model_of(state, self._layer)
        key, calls = _noise(state, (self._key, self._calls))
        self._params, self._key, self._calls = params, key, calls

    @classmethod
    def from_file(
        cls, path: str | os.PathLike[str], *, like: Array | None = None
    ) -> Self:
        """Return the model that a file holds.

        Args:
            path: of a file that `save` or `varlayers.save` wrote.
            like: an array whose library, dtype and device the parameters get; without
                it they are NumPy's, in the dtype they had.

        Raises:
            FileNotFoundError: if there is no file.
            ValueError: if the file is damaged or holds no layer.
        """
        state = load_state(path, like=like)
        layer, params = model_of(state)
        return cls(layer)._with(params, *_noise(state, (make_key(0), 0)))

    def _with(self, params: dict[str, Any], key: Source, calls: int) -> Self:
        """Return a copy with other parameters and noise."""
        other = copy(self)
        other._params, other._key, other._calls = params, key, calls
        return other


def _shape(x: Array) -> Shape:
    kernels_for(x)  # refuses what is no array
    return tuple(x.shape)


def _noise(state: Mapping[str, Any], default: tuple[Source, int]) -> tuple[Source, int]:
    """Return the key and the number of calls in a state, if they are there."""
    key, calls = state.get("key"), state.get("calls")
    if isinstance(key, Key) and isinstance(calls, int):
        return key, calls
    return default
