"""Deterministic posteriors: a point, and another posterior held at its mean.

Without noise every estimator reduces to y = f(x, loc). Shapes: loc has the weight's
shape; q = (loc,).
"""

from dataclasses import dataclass
from typing import ClassVar

from varlayers.kernels import Kernels
from varlayers.random import Source
from varlayers.types import Array, Params, Posterior, Saved, Shape

__all__ = ["MeanOf", "Point"]


@dataclass(frozen=True)
class Point:
    """A point estimate with one parameter, loc. With a prior: MAP estimation."""

    deterministic: ClassVar[bool] = True
    size: ClassVar[int] = 1

    def shapes(self, w_shape: Shape) -> dict[str, Shape]:
        return {"loc": w_shape}

    def init(
        self, k: Kernels, key: Source, loc: Array, *, fan_in: int
    ) -> dict[str, Array]:
        return {"loc": loc}

    def constrain(self, k: Kernels, params: Params) -> Saved:
        return (params["loc"],)

    def masked(self, k: Kernels, params: Params, kept: Array) -> dict[str, Array]:
        loc = params["loc"]
        return {"loc": k.xp.where(kept, loc, k.xp.zeros_like(loc))}

    def mean(self, k: Kernels, params: Params) -> Array:
        return params["loc"]

    def mean_backward(self, k: Kernels, dloc: Array) -> dict[str, Array]:
        return {"loc": dloc}


@dataclass(frozen=True)
class MeanOf:
    """Another posterior held at its mean, on the same parameters.

    Args:
        posterior: the posterior whose mean is meant.
    """

    posterior: Posterior

    deterministic: ClassVar[bool] = True
    size: ClassVar[int] = 1

    def shapes(self, w_shape: Shape) -> dict[str, Shape]:
        return self.posterior.shapes(w_shape)

    def init(
        self, k: Kernels, key: Source, loc: Array, *, fan_in: int
    ) -> dict[str, Array]:
        return self.posterior.init(k, key, loc, fan_in=fan_in)

    def constrain(self, k: Kernels, params: Params) -> Saved:
        return (self.posterior.mean(k, params),)

    def mean(self, k: Kernels, params: Params) -> Array:
        return self.posterior.mean(k, params)

    def mean_backward(self, k: Kernels, dloc: Array) -> dict[str, Array]:
        return self.posterior.mean_backward(k, dloc)
