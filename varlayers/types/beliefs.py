"""What is believed before the data, and how far the posterior is from it."""

from typing import TYPE_CHECKING, NamedTuple, Protocol

from varlayers.types.arrays import Array, Params, Saved, Shape
from varlayers.types.parts import Posterior

if TYPE_CHECKING:
    from varlayers.kernels import Kernels

__all__ = ["Comparison", "DensityPrior", "Divergence", "ElementwisePrior", "Prior"]


class Prior(Protocol):
    """A distribution over one weight array; what it learns is a dict of arrays.

    It has `log_prob`, unless it is improper and only divergences in closed form know
    it. One of independent weights has `log_density` and `sum_to_shapes` too.
    """

    @property
    def shapes(self) -> dict[str, Shape]:
        """The names and shapes of what it learns; {} for a fixed prior."""

    def init(self, k: "Kernels", like: Array) -> dict[str, Array]:
        """Return the first values of what it learns."""


class DensityPrior(Prior, Protocol):
    """A prior with a density."""

    def log_prob(
        self, k: "Kernels", params: Params, w: Array, fan_in: int
    ) -> tuple[Array, Array, dict[str, Array]]:
        """Return log p(w) in nats, summed, and its gradients by w and params."""


class ElementwisePrior(DensityPrior, Protocol):
    """A prior of independent weights: what quadrature works with."""

    def log_density(
        self, k: "Kernels", params: Params, w: Array, fan_in: int
    ) -> tuple[Array, Array, dict[str, Array]]:
        """Return log p of each weight and its gradients, all of w's shape.

        Those of a parameter that is an array of its own, not one that broadcasts to w,
        have its axes before.
        """

    def sum_to_shapes(self, k: "Kernels", dparams: Params) -> dict[str, Array]:
        """Sum gradients of w's shape to those of the parameters."""


class Comparison(NamedTuple):
    """What a divergence compares.

    Attributes:
        posterior: the posterior.
        prior: the prior.
        q: what `posterior.constrain` returned.
        prior_params: what the prior learns.
        fan_in: of the layer's kernel.
        noise: the posterior's noise, one array for each of `num_samples` samples.
    """

    posterior: Posterior
    prior: Prior
    q: Saved
    prior_params: Params
    fan_in: int
    noise: tuple[Array, ...] = ()


class Divergence(Protocol):
    """D(posterior ‖ prior) in nats, summed over the elements, and its gradient.

    A function will do. One that needs samples has the attribute `num_samples`; one with
    a method `needs(posterior, prior)` is asked what it lacks when the layer is made.
    """

    def __call__(
        self, k: "Kernels", pair: Comparison, weight: float, dparams: Params
    ) -> tuple[Array, dict[str, Array], dict[str, Array]]:
        """Return the divergence and weight * its gradient.

        The gradient by the posterior's parameters is added to `dparams`, whose arrays
        may be overwritten; that by the prior's comes last, named as `prior_params`.
        """
