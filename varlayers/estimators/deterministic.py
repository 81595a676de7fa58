"""Deterministic: no noise, y = f(x, loc); what a posterior without noise reduces to.

    forward           backward
    y = f(x, loc)     dq = the posterior's backward of fᵂ(x, dy)     dx = fˣ(dy, loc)

Shapes: those of f.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from varlayers.random import Source
from varlayers.types import (
    Array,
    EstimatorGrads,
    Noise,
    RandomPosterior,
    Saved,
    Shape,
    Site,
)

__all__ = ["Deterministic"]


@dataclass(frozen=True)
class Deterministic:
    """The map at the mean weight. No noise. A layer chooses it by itself."""

    @property
    def joint_bias(self) -> bool:
        return False

    def needs(self, posterior: RandomPosterior) -> str | None:
        return None

    def noise_shapes(
        self, site: Site, x_shape: Shape, w_shape: Shape
    ) -> dict[str, Shape]:
        return {}

    def draw(
        self, site: Site, key: Source, shapes: Mapping[str, Shape], like: Array
    ) -> dict[str, Array]:
        return {}

    def forward(
        self, site: Site, q: Saved, x: Array, noise: Noise, bias: Saved | None
    ) -> tuple[Array, Saved]:
        return site.f.apply(site.k, x, q[0]), (x,)

    def backward(
        self, site: Site, q: Saved, saved: Saved, dy: Array, *, input_gradient: bool
    ) -> EstimatorGrads:
        (k, f, posterior), (loc, *_), (x,) = site, q, saved
        dx = f.adjoint_x(k, dy, loc, x.shape) if input_gradient else None
        dloc = f.adjoint_w(k, x, dy, loc.shape)
        return EstimatorGrads(dx, posterior.mean_backward(k, dloc))
