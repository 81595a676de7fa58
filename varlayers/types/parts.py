"""The parts of a Bayesian layer: map, posterior, prior, divergence, estimator."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Protocol

from varlayers.types.arrays import Array, Noise, Params, Saved, Shape

if TYPE_CHECKING:
    from varlayers.kernels import Kernels
    from varlayers.random import Source

__all__ = [
    "Estimator",
    "EstimatorGrads",
    "FlippedWeight",
    "Initializer",
    "Map",
    "Posterior",
    "RandomPosterior",
    "Site",
]


class FlippedWeight(NamedTuple):
    """The weight of Flipout, loc + Δ with signs: f(x, loc) + f(x ∘ r, Δ) ∘ s.

    r and s broadcast to x and y.
    """

    loc: Array
    delta: Array
    r: Array
    s: Array


class Map(Protocol):
    """A bilinear map y = f(x, w), with both adjoints.

    The pairs of products that share an argument have bodies in
    `varlayers.maps.BilinearMap`, which a map may replace by faster ones.
    """

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

    def add_channels(self, k: "Kernels", y: Array, b: Array) -> Array:
        """Return y with b, one number per output channel, added. May overwrite y."""

    def sum_channels(self, k: "Kernels", dy: Array) -> Array:
        """Return the adjoint of `add_channels` by b."""

    def apply_flipped(self, k: "Kernels", x: Array, w: FlippedWeight) -> Array:
        """Return f(x, loc) + f(x ∘ r, Δ) ∘ s."""

    def flipped_adjoint_x(
        self, k: "Kernels", dy: Array, w: FlippedWeight, x_shape: Shape
    ) -> Array:
        """Return the adjoint of `apply_flipped` by x."""

    def flipped_adjoint_w(
        self, k: "Kernels", x: Array, dy: Array, w: FlippedWeight
    ) -> tuple[Array, Array]:
        """Return the adjoints of `apply_flipped` by loc and Δ."""

    def moments(
        self, k: "Kernels", x: Array, loc: Array, var: Array
    ) -> tuple[Array, Array]:
        """Return m = f(x, loc) and v = f(x², var)."""

    def moments_adjoint_x(
        self,
        k: "Kernels",
        x: Array,
        grads: tuple[Array, Array],
        loc: Array,
        var: Array,
    ) -> Array:
        """Return the gradient of `moments` by x, for grads = (dm, dv)."""

    def moments_adjoint_w(
        self, k: "Kernels", x: Array, grads: tuple[Array, Array], w_shape: Shape
    ) -> tuple[Array, Array]:
        """Return the gradients of `moments` by loc and var, for grads = (dm, dv)."""


class Posterior(Protocol):
    """A distribution over one weight array; its parameters are a dict of arrays.

    A deterministic one has these members only; any other is a `RandomPosterior`. One
    whose weights can be pruned one by one has `masked(k, params, kept)`, too: it
    returns parameters that give 0, with the least noise there can be, where not `kept`.
    """

    deterministic: ClassVar[bool]
    size: ClassVar[int]

    def shapes(self, w_shape: Shape) -> dict[str, Shape]:
        """Return the names and shapes of its parameters, `loc` the first, like w.

        Raises:
            ValueError: if it cannot stand for a weight of that shape.
        """

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
    """A posterior with noise: what the estimators work with.

    Its flags say which estimators can take it, and which of the methods it has.

    Attributes:
        normal_elements: each of its elements, seen by itself, is normal.
        independent: its elements are independent.
        symmetric: sample - mean keeps its distribution when any of its elements change
            their sign; it has `perturb`.
        has_density: q(w) exists; it has `entropy` and `log_density_at`.
    """

    normal_elements: ClassVar[bool]
    independent: ClassVar[bool]
    symmetric: ClassVar[bool]
    has_density: ClassVar[bool]

    def noise_shape(self, w_shape: Shape) -> Shape:
        """Return the shape of the noise of one sample."""

    def draw(self, k: "Kernels", key: "Source", shape: Shape, like: Array) -> Array:
        """Draw the noise of one sample; `shape` is what `noise_shape` returns."""

    def sample(self, k: "Kernels", q: Saved, eps: Array) -> Array:
        """Return the weight that the noise stands for."""

    def sample_backward(
        self, k: "Kernels", q: Saved, eps: Array, dw: Array
    ) -> dict[str, Array]:
        """Map the gradient by the sample to that of the parameters."""

    def moments(self, k: "Kernels", q: Saved) -> tuple[Array, Array]:
        """Return the mean and variance of each element."""

    def moments_backward(
        self, k: "Kernels", q: Saved, dloc: Array, dvar: Array
    ) -> dict[str, Array]:
        """Map the gradients by mean and variance to those of the parameters."""

    def perturb(self, k: "Kernels", q: Saved, eps: Array) -> tuple[Array, Array]:
        """Return (mean, sample - mean)."""

    def perturb_backward(
        self, k: "Kernels", q: Saved, eps: Array, dloc: Array, ddelta: Array
    ) -> dict[str, Array]:
        """Map the gradients by mean and perturbation to those of the parameters."""

    def entropy(self, k: "Kernels", q: Saved) -> tuple[Array, dict[str, Array]]:
        """Return -E log q(w) in nats and its gradient by the parameters."""

    def log_density_at(
        self, k: "Kernels", q: Saved, eps: Array
    ) -> tuple[Array, dict[str, Array]]:
        """Return log q(w) for w = sample(q, ε) and its gradient by the parameters.

        The total gradient, at fixed noise: through w, and through q itself.
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

    def needs(self, posterior: RandomPosterior) -> str | None:
        """Return what it needs of a kernel's posterior and this has not, or None."""

    def noise_shapes(
        self, site: Site, x_shape: Shape, w_shape: Shape
    ) -> dict[str, Shape]:
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
