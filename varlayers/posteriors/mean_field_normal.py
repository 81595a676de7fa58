"""Mean-field normal posterior: independent w ~ N(loc, scale²).

    forward                          backward, read from the bottom up
    scale = softplus(rho) + shift    drho = dscale ∘ slope,  slope = sigmoid(rho)
    w = loc + scale ∘ ε              dloc = dw          dscale = dw ∘ ε
    var = scale²                     dscale = 2 scale ∘ dvar
    Δ = scale ∘ ε                    dscale = dΔ ∘ ε
    log|det ∂w/∂ε| = Σ log(scale)    drho = slope / scale

Shapes: loc, rho, ε and w have the weight's shape. q = (loc, scale, slope).

The initial scale is a fraction of 1 / sqrt(fan_in). A pre-activation then starts with
noise whose standard deviation is that fraction of the root mean square of the inputs,
whatever the width: small beside the signal of a Glorot, He or LeCun mean, so a default
network learns from the first step, and large enough that rho is not stuck where its
slope vanishes. A fixed scale is too much noise in a wide layer or too little anywhere.

Reference: Blundell, Cornebise, Kavukcuoglu & Wierstra (2015), "Weight uncertainty in
neural networks", arXiv:1505.05424.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

from varlayers.kernels import Kernels
from varlayers.posteriors.scaled import ScaledNormal
from varlayers.random import Source
from varlayers.types import Array, Params, Saved, Shape

__all__ = ["MeanFieldNormal"]


@dataclass(frozen=True)
class MeanFieldNormal(ScaledNormal):
    """Independent normals, with parameters loc and rho.

    Args:
        initial_scale: the first scale, as a multiple of 1 / sqrt(fan_in), > 0.
        shift: what is added to softplus(rho), >= 0. The least scale that the posterior
            can reach; with 0 the KL divergence is infinite where softplus underflows.

    Raises:
        ValueError: if an argument is out of range.
    """

    size: ClassVar[int] = 3
    independent: ClassVar[bool] = True
    symmetric: ClassVar[bool] = True

    def shapes(self, w_shape: Shape) -> dict[str, Shape]:
        return {"loc": w_shape, "rho": w_shape}

    def init(
        self, k: Kernels, key: Source, loc: Array, *, fan_in: int
    ) -> dict[str, Array]:
        scale = self.initial_scale / math.sqrt(max(fan_in, 1))
        rho = self.rho(scale, fan_in)
        return {"loc": loc, "rho": k.xp.full_like(loc, rho)}

    def constrain(self, k: Kernels, params: Params) -> Saved:
        scale, slope = k.scale_normal(params["rho"], self.shift)
        return params["loc"], scale, slope

    def masked(self, k: Kernels, params: Params, kept: Array) -> dict[str, Array]:
        return self.silenced(k, params, kept)

    def sample(self, k: Kernels, q: Saved, eps: Array) -> Array:
        loc, scale, _ = q
        return k.sample_normal(loc, scale, eps)

    def sample_backward(
        self, k: Kernels, q: Saved, eps: Array, dw: Array
    ) -> dict[str, Array]:
        return {"loc": dw, "rho": k.sample_normal_backward(q[2], eps, dw)}

    def moments(self, k: Kernels, q: Saved) -> tuple[Array, Array]:
        loc, scale, _ = q
        return loc, scale * scale

    def moments_backward(
        self, k: Kernels, q: Saved, dloc: Array, dvar: Array
    ) -> dict[str, Array]:
        _, scale, slope = q
        return {"loc": dloc, "rho": k.variance_normal_backward(scale, slope, dvar)}

    def perturb(self, k: Kernels, q: Saved, eps: Array) -> tuple[Array, Array]:
        loc, scale, _ = q
        return loc, scale * eps

    def perturb_backward(
        self, k: Kernels, q: Saved, eps: Array, dloc: Array, ddelta: Array
    ) -> dict[str, Array]:
        return {"loc": dloc, "rho": k.sample_normal_backward(q[2], eps, ddelta)}

    def entropy(self, k: Kernels, q: Saved) -> tuple[Array, dict[str, Array]]:
        loc, scale, slope = q
        log_det, drho = self.log_scales(k, scale, slope)
        value = self.normal_entropy(math.prod(loc.shape), log_det)
        return value, {"loc": k.xp.zeros_like(loc), "rho": drho}
