"""What a layer of a face holds once it is built, and how it is kept."""

import os
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import numpy as np

from varlayers import tree
from varlayers.dispatch import kernels_for
from varlayers.layers.bilinear import Bilinear
from varlayers.serialization.arrays import place
from varlayers.stateful import Stateful
from varlayers.summary import summarize
from varlayers.types import Array, Layer, Params, Prior, Shape

__all__ = ["Held", "Marginals"]


class Marginals(NamedTuple):
    """Mean and standard deviation of each element of a weight's posterior."""

    loc: Array
    scale: Array

    def mean(self) -> Array:
        """Return the mean."""
        return self.loc

    def stddev(self) -> Array:
        """Return the standard deviation, 0 for a point."""
        return self.scale

    def variance(self) -> Array:
        """Return the variance."""
        return self.scale * self.scale


class Held:
    """The state of a layer: none before it is built.

    Attributes:
        layer: the layer of varlayers, for `vl.Sequential`, `vl.ELBO` and the rest.
        trainable: whether the way back gives gradients of the parameters.
        activity_regularizer: a penalty of the output, with its gradient.
    """

    layer: Layer
    trainable: bool = True
    activity_regularizer: Any = None

    def __init__(self) -> None:
        self._state: Stateful | None = None
        self._latest: tuple[Any, Array | None] = (None, None)

    @property
    def params(self) -> dict[str, Any]:
        """The parameters, a nested dict. Assign one of the same names and shapes."""
        return self._built().params

    @params.setter
    def params(self, params: Params) -> None:
        self._built().params = params
        self._latest = (None, None)

    @property
    def variables(self) -> list[Array]:
        """The parameters in order."""
        return self._built().trainable_variables

    @property
    def trainable_variables(self) -> list[Array]:
        """The parameters, if the layer is trainable."""
        return self.variables if self.trainable else []

    @property
    def non_trainable_variables(self) -> list[Array]:
        """The parameters, if the layer is not trainable."""
        return [] if self.trainable else self.variables

    def get_weights(self) -> list[Any]:
        """Return the parameters in order, as NumPy arrays."""
        return [kernels_for(own).to_numpy(own) for own in self.variables]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Take the parameters from arrays of the same shapes in the same order.

        Those that the same layer of TFP returns are in this order, too.

        Raises:
            ValueError: if the number or a shape differs.
        """
        named = dict(tree.items(self.params))
        shapes = [tuple(own.shape) for own in named.values()]
        given = [np.shape(array) for array in weights]
        if given != shapes:
            msg = (
                f"{type(self).__name__} expected `weights` of shapes {shapes}, for "
                f"{list(named)}, got {given}."
            )
            raise ValueError(msg)
        self.params = tree.unflatten(
            {
                name: place(np.asarray(array, dtype=float), own)
                for (name, own), array in zip(named.items(), weights, strict=True)
            }
        )

    @property
    def losses(self) -> list[Array]:
        """The divergences in nats, unscaled, and the penalty of the latest output.

        Those of the latest call, or of the parameters if they were assigned since.
        """
        self._built()
        way, penalty = self._latest
        if way is None:
            parts = self.layer.kl(self.params)
        else:
            zeros = tree.map_leaves(lambda p: 0 * p, self.params)
            parts, _ = self.layer.add_kl(way.saved, zeros, 0.0)
        return tree.leaves(parts) + ([] if penalty is None else [penalty])

    @property
    def kernel_posterior(self) -> Marginals:
        """Mean and standard deviation of the kernel."""
        return self._weights["kernel"]

    @property
    def bias_posterior(self) -> Marginals | None:
        """Mean and standard deviation of the bias, if there is one."""
        return self._weights.get("bias")

    @property
    def kernel_posterior_tensor(self) -> Array | None:
        """The kernel of the latest call: with Flipout without the signs.

        None before the first call and with local reparameterization, which has none.
        """
        way = self._latest[0]
        if way is None or "output" in way.noise:
            return None
        return cast("Array", way.values["kernel"])

    @property
    def bias_posterior_tensor(self) -> Array | None:
        """The bias of the latest call; None before the first, and without a bias."""
        way = self._latest[0]
        return None if way is None else way.values.get("bias")

    @property
    def kernel_prior(self) -> Prior | None:
        """The prior of the kernel, if it is compared with one."""
        return cast("Prior | None", self.bilinear.prior)

    @property
    def bias_prior(self) -> Prior | None:
        """The prior of the bias, if it is compared with one."""
        return cast("Prior | None", self.bilinear.bias_prior)

    def summary(self, input_shape: Shape | None = None) -> str:
        """Return a table of the layer; see `summarize`."""
        return summarize(self.layer, self.params, input_shape)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the parameters and where the noise stands into a file.

        `varlayers.load` reads it as well, once the module of this class is imported.
        """
        self._built().save(path)

    def load(self, path: str | os.PathLike[str]) -> None:
        """Take both from a file of the same layer, built."""
        self._built().load(path)
        self._latest = (None, None)

    def _unseen(self, dx: Array) -> Array:
        """Return the gradient by the input of that by what the layer sees of it."""
        return dx

    def _built(self) -> Stateful:
        if self._state is None:
            msg = (
                f"{type(self).__name__} expected to be called or built before it has "
                "parameters. Call it, or build(input_shape)."
            )
            raise ValueError(msg)
        return self._state

    @property
    def bilinear(self) -> Bilinear:
        """The layer of varlayers without the activation."""
        self._built()
        inner = getattr(self.layer, "layers", (self.layer,))[0]
        return cast("Bilinear", inner)

    @property
    def _weights(self) -> dict[str, Marginals]:
        params = self.params
        found = self.layer.weights(params)
        found = found.get("0", found)
        return {name: Marginals(**parts) for name, parts in found.items()}
