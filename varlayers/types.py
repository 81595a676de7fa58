"""The shared vocabulary: what an array, a map, an estimator, a posterior, a layer is.

Only types live here. Every computing file implements one of these protocols and
imports nothing above it, so a new map, estimator, posterior, prior, divergence or
layer is one file and one line in its folder's registry.

Names used throughout:

    k        the `Kernels` of the array library in use
    f        a bilinear map f(x, w)
    q        a posterior's constrained parameters, a flat tuple of arrays
    noise    named random arrays of one forward pass, drawn from a key or supplied
    saved    what a backward pass needs, a tuple of arrays that nobody changes
"""

from collections.abc import Mapping
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    NamedTuple,
    Protocol,
    TypeAlias,
    runtime_checkable,
)

if TYPE_CHECKING:
    from varlayers.kernels import Kernels
    from varlayers.random import Source

__all__ = [
    "Array",
    "DiscreteLikelihood",
    "Divergence",
    "Estimator",
    "EstimatorGrads",
    "Initializer",
    "Layer",
    "Likelihood",
    "Map",
    "Noise",
    "Optimizer",
    "Params",
    "Posterior",
    "Prior",
    "RandomPosterior",
    "Saved",
    "Schedule",
    "Shape",
    "Site",
]

Array: TypeAlias = Any
Shape: TypeAlias = tuple[int, ...]
Params: TypeAlias = Mapping[str, Any]
Noise: TypeAlias = Mapping[str, Any]
Saved: TypeAlias = tuple[Any, ...]


class Map(Protocol):
    """A bilinear map y = f(x, w), with both adjoints."""

    def apply(self, k: "Kernels", x: Array, w: Array) -> Array:
        """Return f(x, w)."""

    def adjoint_x(self, k: "Kernels", dy: Array, w: Array, x_shape: Shape) -> Array:
        """Return dx with ⟨dx, x⟩ = ⟨dy, f(x, w)⟩ for every x."""

    def adjoint_w(self, k: "Kernels", x: Array, dy: Array, w_shape: Shape) -> Array:
        """Return dw with ⟨dw, w⟩ = ⟨dy, f(x, w)⟩ for every w."""

    def out_shape(self, x_shape: Shape, w_shape: Shape) -> Shape:
        """Return the shape of f(x, w); raise ValueError where x does not fit."""

    def sign_shapes(self, x_shape: Shape, y_shape: Shape) -> tuple[Shape, Shape]:
        """Return the shapes that give one sign per example and channel."""

    def add_channels(self, y: Array, b: Array) -> Array:
        """Return y with b, one number per output channel, added."""

    def sum_channels(self, k: "Kernels", dy: Array) -> Array:
        """Return the adjoint of `add_channels` by b."""


class Posterior(Protocol):
    """A distribution over one weight array; its parameters are a dict of arrays.

    A deterministic one has these members only; any other is a `RandomPosterior`.
    """

    deterministic: ClassVar[bool]
    size: ClassVar[int]

    def init(
        self, k: "Kernels", key: "Source", loc: Array, *, fan_in: int
    ) -> dict[str, Array]:
        """Return parameters that centre the posterior at `loc`."""

    def constrain(self, k: "Kernels", params: Params) -> Saved:
        """Return q, `size` arrays, from the unconstrained parameters."""

    def mean(self, k: "Kernels", params: Params) -> Array:
        """Return the mean weight."""

    def mean_backward(self, k: "Kernels", dloc: Array) -> dict[str, Array]:
        """Map the gradient by the mean to that of the parameters."""


class RandomPosterior(Posterior, Protocol):
    """A posterior with noise: what the estimators work with."""

    def draw(self, k: "Kernels", key: "Source", shape: Shape, like: Array) -> Array:
        """Draw the noise of one sample."""

    def sample(self, k: "Kernels", q: Saved, eps: Array) -> Array:
        """Return the weight that the noise stands for."""

    def sample_backward(
        self, k: "Kernels", q: Saved, eps: Array, dw: Array
    ) -> dict[str, Array]:
        """Map the gradient by the sample to that of the parameters."""

    def moments(self, k: "Kernels", q: Saved) -> tuple[Array, Array]:
        """Return the elementwise mean and variance (independent elements only)."""

    def moments_backward(
        self, k: "Kernels", q: Saved, dloc: Array, dvar: Array
    ) -> dict[str, Array]:
        """Map the gradients by mean and variance to those of the parameters."""

    def perturb(self, k: "Kernels", q: Saved, eps: Array) -> tuple[Array, Array]:
        """Return (mean, sample - mean); the latter has independent symmetric signs."""

    def perturb_backward(
        self, k: "Kernels", q: Saved, eps: Array, dloc: Array, ddelta: Array
    ) -> dict[str, Array]:
        """Map the gradients by mean and perturbation to those of the parameters."""


class Prior(Protocol):
    """A fixed distribution over one weight array."""

    def loc_and_scale(self, k: "Kernels", like: Array, fan_in: int) -> Saved:
        """Return (loc, scale), floats or arrays that broadcast to `like`."""


class Divergence(Protocol):
    """D(posterior ‖ prior) in nats, summed over the elements, and its gradient."""

    def __call__(
        self,
        k: "Kernels",
        q: Saved,
        prior: Saved,
        weight: float,
        dparams: Params,
    ) -> tuple[Array, dict[str, Array]]:
        """Return the divergence and dparams + weight * its gradient.

        `prior` is (loc, scale). The arrays of `dparams` may be overwritten.
        """


class Site(NamedTuple):
    """Where an estimator works: the kernels, a map, and its weight's posterior."""

    k: "Kernels"
    f: Map
    posterior: RandomPosterior


class EstimatorGrads(NamedTuple):
    """What an estimator's backward returns."""

    dx: Array | None
    dparams: dict[str, Array]
    dbias: tuple[Array, Array] | None = None


class Estimator(Protocol):
    """How the noise of a weight posterior enters a bilinear map."""

    @property
    def joint_bias(self) -> bool:
        """Whether a random bias enters `forward` by its moments."""

    def noise_shapes(self, f: Map, x_shape: Shape, w_shape: Shape) -> dict[str, Shape]:
        """Return the names and shapes of the noise of one forward pass."""

    def draw(
        self, site: Site, key: "Source", shapes: Mapping[str, Shape], like: Array
    ) -> dict[str, Array]:
        """Draw noise of the names and shapes that `noise_shapes` returns."""

    def forward(
        self, site: Site, q: Saved, x: Array, noise: Noise, bias: Saved | None
    ) -> tuple[Array, Saved]:
        """Return y and what backward needs; `bias` is (mean, variance) or None."""

    def backward(
        self, site: Site, q: Saved, saved: Saved, dy: Array, *, input_gradient: bool
    ) -> EstimatorGrads:
        """Return dx (None unless asked for), dparams and, for a joint bias, dbias."""


class Initializer(Protocol):
    """Draws the initial value of a weight array."""

    def __call__(
        self,
        k: "Kernels",
        key: "Source",
        shape: Shape,
        like: Array,
        fans: tuple[int, int],
    ) -> Array:
        """Return an array of `shape`; fans are (fan_in, fan_out)."""


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
