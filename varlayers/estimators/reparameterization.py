"""Reparameterization: one weight sample, shared by the whole batch.

    forward                backward, read from the bottom up
    w = sample(q, ε)       dq = sample's backward of dw
    y = f(x, w)            dw = fᵂ(x, dy)       dx = fˣ(dy, w)

Shapes: those of f; ε has the noise shape of the posterior.

All examples share the noise, so the outputs of a batch are correlated and the variance
of the gradient does not fall with the batch size.

Reference: Kingma & Welling (2014), "Auto-encoding variational Bayes", arXiv:1312.6114;
for weights, Blundell et al. (2015), arXiv:1505.05424.
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

__all__ = ["Reparameterization"]


@dataclass(frozen=True)
class Reparameterization:
    """Weights sampled once per forward pass. Noise: `kernel`."""

    @property
    def joint_bias(self) -> bool:
        return False

    def needs(self, posterior: RandomPosterior) -> str | None:
        return None

    def noise_shapes(
        self, site: Site, x_shape: Shape, w_shape: Shape
    ) -> dict[str, Shape]:
        return {"kernel": site.posterior.noise_shape(w_shape)}

    def draw(
        self, site: Site, key: Source, shapes: Mapping[str, Shape], like: Array
    ) -> dict[str, Array]:
        eps = site.posterior.draw(site.k, key, shapes["kernel"], like)
        return {"kernel": eps}

    def forward(
        self, site: Site, q: Saved, x: Array, noise: Noise, bias: Saved | None
    ) -> tuple[Array, Saved]:
        k, f, posterior = site
        eps = noise["kernel"]
        w = posterior.sample(k, q, eps)
        return f.apply(k, x, w), (x, w, eps)

    def backward(
        self, site: Site, q: Saved, saved: Saved, dy: Array, *, input_gradient: bool
    ) -> EstimatorGrads:
        k, f, posterior = site
        x, w, eps = saved
        dx = f.adjoint_x(k, dy, w, x.shape) if input_gradient else None
        dw = f.adjoint_w(k, x, dy, w.shape)
        return EstimatorGrads(dx, posterior.sample_backward(k, q, eps, dw))
