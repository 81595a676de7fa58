"""What a model is made of and trained with: layers, likelihoods, optimizers."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from varlayers.types.arrays import Array, Noise, Params, Saved, Shape

if TYPE_CHECKING:
    from varlayers.random import Source

__all__ = [
    "DiscreteLikelihood",
    "Layer",
    "Likelihood",
    "Optimizer",
    "Schedule",
]


class Layer(Protocol):
    """A frozen description of a differentiable function of x with parameters."""

    @property
    def has_parameters(self) -> bool:
        """Whether `init` returns any array."""

    def init(self, key: "Source", like: Array | None = None) -> dict[str, Any]:
        """Return initial parameters, with the library, dtype and device of `like`."""

    def out_shape(self, x_shape: Shape) -> Shape:
        """Return the shape of the output for an input of shape `x_shape`."""

    def draw(self, key: "Source", x_shape: Shape, like: Array) -> dict[str, Any]:
        """Draw the noise of one forward pass."""

    def forward(self, params: Params, x: Array, noise: Noise) -> tuple[Array, Saved]:
        """Return y and what `backward` needs."""

    def backward(
        self, saved: Saved, dy: Array, *, input_gradient: bool = True
    ) -> tuple[Array | None, dict[str, Any]]:
        """Return dx (None unless asked for) and the gradient of every parameter."""

    def kl(self, params: Params) -> dict[str, Any]:
        """Return each part's divergence from its prior, in nats, summed."""

    def add_kl(
        self, saved: Saved, dparams: Params, weight: float
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the divergences and dparams + weight * their gradient.

        The arrays of `dparams` may be overwritten.
        """

    def weights(self, params: Params) -> dict[str, Any]:
        """Return {"loc", "scale"} of each weight's posterior, nested by name.

        A scale of 0 is a point; parameters without a posterior are left out.
        """

    def children(
        self, x_shape: Shape | None = None
    ) -> dict[str, tuple["Layer", Shape | None]]:
        """Return the layers inside, by the name of their parameters.

        Each comes with the shape of its input, None where `x_shape` is.
        """

    def at_mean(self) -> "Layer":
        """Return the same layer, on the same parameters, without its noise."""


class Likelihood(Protocol):
    """p(target | model output), with hand-derived gradients."""

    def init(self, like: Array | None = None) -> dict[str, Array]:
        """Return the likelihood's own parameters; empty for most."""

    def nll(self, params: Params, outputs: Array, targets: Array) -> Array:
        """Return minus the log-probability of each example, in nats."""

    def value_and_grad(
        self, params: Params, outputs: Array, targets: Array
    ) -> tuple[Array, Array, dict[str, Array]]:
        """Return the summed nll and its gradients by outputs and parameters."""

    def mean(self, params: Params, outputs: Array) -> Array:
        """Return the expected target."""

    def variance(self, params: Params, outputs: Array) -> Array:
        """Return the variance of the target about `mean`."""

    def sample(self, params: Params, outputs: Array, key: "Source") -> Array:
        """Draw one target per output."""


@runtime_checkable
class DiscreteLikelihood(Likelihood, Protocol):
    """A likelihood of classes, whose mean determines its entropy."""

    def entropy(self, mean: Array) -> Array:
        """Return the entropy in nats of the target with this mean, shape (n,)."""


class Optimizer(Protocol):
    """An update rule; its state is a dict of arrays and one step count."""

    def init(self, params: Params) -> dict[str, Any]:
        """Return the state before the first step."""

    def update(
        self, grads: Params, state: Mapping[str, Any], params: Params
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the next parameters and state; may reuse the arrays it was given."""


class Schedule(Protocol):
    """A number that depends on the step."""

    def __call__(self, step: int) -> float:
        """Return the value at `step` (0 for the first)."""
