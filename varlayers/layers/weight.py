"""One weight array of a layer: its shape, posterior, prior and initializer.

What a layer does for its kernel and for its bias alike, without knowing which it is:
initialize, and, for a weight that the whole batch shares, turn noise into its value and
back.
"""

from typing import NamedTuple, cast

from varlayers.kernels import Kernels
from varlayers.random import Source, fold_in
from varlayers.types import (
    Array,
    Initializer,
    Params,
    Posterior,
    Prior,
    RandomPosterior,
    Saved,
    Shape,
)

__all__ = ["Weight"]


class Weight(NamedTuple):
    """A weight array with a posterior; `fans` are those of its layer's kernel."""

    shape: Shape
    posterior: Posterior
    prior: Prior | None
    initializer: Initializer
    fans: tuple[int, int]

    @property
    def shapes(self) -> dict[str, Shape]:
        """The shape of each of the posterior's parameters."""
        return self.posterior.shapes(self.shape)

    @property
    def random(self) -> RandomPosterior | None:
        """The posterior if it has noise, else None."""
        if self.posterior.deterministic:
            return None
        return cast("RandomPosterior", self.posterior)

    def init(self, k: Kernels, key: Source, like: Array) -> dict[str, Array]:
        """Return the posterior's initial parameters."""
        loc = self.initializer(k, fold_in(key, 0), self.shape, like, self.fans)
        return self.posterior.init(k, fold_in(key, 1), loc, fan_in=self.fans[0])

    def value(self, k: Kernels, q: Saved, eps: Array | None) -> Array:
        """Return the sample that the noise stands for, or the mean without noise."""
        return q[0] if self.random is None else self.random.sample(k, q, eps)

    def value_backward(
        self, k: Kernels, q: Saved, eps: Array | None, dw: Array
    ) -> dict[str, Array]:
        """Map the gradient by `value` to that of the parameters."""
        if self.random is None:
            return self.posterior.mean_backward(k, dw)
        return self.random.sample_backward(k, q, eps, dw)

    def loc_and_scale(self, k: Kernels, params: Params) -> dict[str, Array]:
        """Return the posterior's mean and standard deviation."""
        q = self.posterior.constrain(k, params)
        if self.random is None:
            return {"loc": q[0], "scale": k.xp.zeros_like(q[0])}
        loc, variance = self.random.moments(k, q)
        return {"loc": loc, "scale": k.xp.sqrt(variance)}
