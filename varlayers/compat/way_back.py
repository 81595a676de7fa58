"""The way back through one call of a layer, and the weights that it drew."""

from typing import Any, NamedTuple, cast

from varlayers.dispatch import kernels_for
from varlayers.random import Source
from varlayers.stateful import Backward
from varlayers.types import Array, Params, Saved

__all__ = ["WayBack"]


class WayBack(NamedTuple):
    """The way back through one call.

    Attributes:
        owner: the layer that was called.
        way: of the layer that was run.
        params: the parameters of the call.
        x: its input.
        y: its output.
        key: of its noise.
    """

    owner: Any
    way: Backward
    params: Params
    x: Array
    y: Array
    key: Source

    def __call__(
        self, dy: Array, *, loss_weight: float = 1.0, input_gradient: bool = True
    ) -> tuple[Array | None, dict[str, Any]]:
        """Return the gradients by the input and by every parameter.

        Args:
            dy: gradient of the loss by the output, without the layer's losses.
            loss_weight: of the sum of the layer's `losses`; 1 as in Keras's `fit`.
            input_gradient: whether dx is wanted; it is None otherwise.

        Returns:
            dx and the gradients, nested as `params`; {} if the layer is not trainable.
        """
        k, layer = kernels_for(dy), self.owner.layer
        penalty = self.owner.activity_regularizer
        if penalty is not None and loss_weight:
            dy = dy + loss_weight * penalty.gradient(k, self.y)
        dx, grads = self.way(dy, input_gradient=input_gradient)
        dx = None if dx is None else self.owner._unseen(dx)
        if not self.owner.trainable:
            return dx, {}
        if loss_weight:
            _, grads = layer.add_kl(self.saved, grads, loss_weight)
        return dx, grads

    @property
    def saved(self) -> Saved:
        """What the divergences need; at the mean weights, with noise of the key."""
        layer = self.owner.layer
        if self.way.layer is layer:
            return self.way.saved
        noise = layer.draw(self.key, tuple(self.x.shape), self.x)
        return cast("Saved", layer.forward(self.params, self.x, noise)[1])

    @property
    def noise(self) -> dict[str, Array]:
        """The noise of the weights and their outputs; none where the mean was taken."""
        drawn = self.way.layer.draw(self.key, tuple(self.x.shape), self.x)
        return cast("dict[str, Array]", drawn.get("0", drawn))

    @property
    def values(self) -> dict[str, Array]:
        """The value of each weight in use, by name.

        The sample that the divergence takes: with Flipout without the signs, and with
        local reparameterization beside the output, which no one sample gives. At the
        mean weights, those.
        """
        k, noise = kernels_for(self.y), self.noise
        params = self.params.get("0", self.params)
        found = {}
        for name, posterior in self.owner.bilinear.posteriors.items():
            eps = noise.get(name)
            if eps is None and f"{name}_divergence" in noise:
                eps = noise[f"{name}_divergence"][0, ...]
            if eps is None:
                found[name] = posterior.mean(k, params[name])
            else:
                q = posterior.constrain(k, params[name])
                found[name] = posterior.sample(k, q, eps)
        return found
