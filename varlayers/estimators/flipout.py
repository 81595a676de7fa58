"""Flipout: one weight perturbation, with signs of its own for every example.

    forward                           backward, read from the bottom up
    (loc, Δ) = perturb(q, ε)          dq = perturb's backward of (dloc, dΔ)
    y = f(x, loc) + f(x ∘ r, Δ) ∘ s   dloc, dΔ, dx = its adjoints (`two_products`)

Shapes: those of f; ε has the noise shape of the posterior. With `signs="channel"` r and
s hold one sign per example and channel, constant over positions: example b sees the
single weight loc + r_b s_bᵀ ∘ Δ, a true sample of the posterior. With `signs="element"`
they have the shapes of x and y, so weight sharing over the positions of an example is
broken; that is what tfp.experimental.nn does. Without positions the two are the same. A
map with many positions applies that single weight, one product in place of two.

The examples' perturbations are uncorrelated, so the variance of the gradient falls
with the batch size. Needs a posterior whose perturbation keeps its distribution when
any of its elements change their sign.

Reference: Wen, Vicol, Ba, Tran & Grosse (2018), "Flipout: efficient pseudo-independent
weight perturbations on mini-batches", arXiv:1803.04386.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from varlayers.random import Source, fold_in
from varlayers.types import (
    Array,
    EstimatorGrads,
    FlippedWeight,
    Noise,
    RandomPosterior,
    Saved,
    Shape,
    Site,
)

__all__ = ["Flipout"]


@dataclass(frozen=True)
class Flipout:
    """One perturbation, flipped per example. Noise: `kernel`, `signs_in`, `signs_out`.

    Args:
        signs: "channel", one sign per example and channel, or "element", one sign per
            example, position and channel.

    Raises:
        ValueError: if `signs` is neither.
    """

    signs: str = "channel"

    def __post_init__(self) -> None:
        if self.signs not in ("channel", "element"):
            msg = (
                f"Flipout expected `signs` 'channel' or 'element', got {self.signs!r}."
            )
            raise ValueError(msg)

    @property
    def joint_bias(self) -> bool:
        return False

    def needs(self, posterior: RandomPosterior) -> str | None:
        if posterior.symmetric:
            return None
        return "weights whose deviations from the mean may change their signs"

    def noise_shapes(
        self, site: Site, x_shape: Shape, w_shape: Shape
    ) -> dict[str, Shape]:
        signs = (x_shape, site.f.out_shape(x_shape, w_shape))
        if self.signs == "channel":
            signs = site.f.sign_shapes(*signs)
        kernel = site.posterior.noise_shape(w_shape)
        return {"kernel": kernel, "signs_in": signs[0], "signs_out": signs[1]}

    def draw(
        self, site: Site, key: Source, shapes: Mapping[str, Shape], like: Array
    ) -> dict[str, Array]:
        k = site.k
        return {
            "kernel": site.posterior.draw(k, fold_in(key, 0), shapes["kernel"], like),
            "signs_in": k.signs(fold_in(key, 1), shapes["signs_in"], like),
            "signs_out": k.signs(fold_in(key, 2), shapes["signs_out"], like),
        }

    def forward(
        self, site: Site, q: Saved, x: Array, noise: Noise, bias: Saved | None
    ) -> tuple[Array, Saved]:
        k, f, posterior = site
        eps, r, s = noise["kernel"], noise["signs_in"], noise["signs_out"]
        loc, delta = posterior.perturb(k, q, eps)
        y = f.apply_flipped(k, x, FlippedWeight(loc, delta, r, s))
        return y, (x, loc, delta, eps, r, s)

    def backward(
        self, site: Site, q: Saved, saved: Saved, dy: Array, *, input_gradient: bool
    ) -> EstimatorGrads:
        k, f, posterior = site
        x, loc, delta, eps, r, s = saved
        w = FlippedWeight(loc, delta, r, s)
        dx = f.flipped_adjoint_x(k, dy, w, x.shape) if input_gradient else None
        dloc, ddelta = f.flipped_adjoint_w(k, x, dy, w)
        return EstimatorGrads(dx, posterior.perturb_backward(k, q, eps, dloc, ddelta))
