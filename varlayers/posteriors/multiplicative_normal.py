"""Multiplicative normal posterior, of variational dropout: w ~ N(loc, alpha loc²).

    forward                          backward, read from the bottom up
    s = softplus(rho) + shift    drho = ds ∘ slope,  slope = sigmoid(rho)
    w = loc ∘ (1 + s ∘ ε)        dloc = dw ∘ (1 + s ∘ ε)     ds = Σ dw ∘ loc ∘ ε
    Δ = loc ∘ s ∘ ε              dloc += dΔ ∘ s ∘ ε          ds = Σ dΔ ∘ loc ∘ ε
    var = s² ∘ loc²              dloc += 2 s² ∘ loc ∘ dvar   ds = Σ 2 s ∘ loc² ∘ dvar
    h = Σ log(s) + log|loc|      dloc = 1 / loc  (0 at 0)    ds = Σ 1 / s

alpha = s² is the ratio of variance to squared mean; Gaussian dropout of rate p has
alpha = p / (1 - p). Σ runs over the weights that share an alpha. An element whose loc
is 0 has no noise, and no density. H = n (1 + log 2π) / 2 + h.

Shapes: loc, ε and w alike; rho, s and alpha have the weight's shape, or with
`share="channel"` that of its last axis, or with `share="layer"` (1,). q = (loc, s,
slope).

References: Kingma, Salimans & Welling (2015), "Variational dropout and the local
reparameterization trick", arXiv:1506.02557; Molchanov, Ashukha & Vetrov (2017),
"Variational dropout sparsifies deep neural networks", arXiv:1701.05369.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

from varlayers.kernels import Kernels
from varlayers.posteriors.scaled import ScaledNormal
from varlayers.random import Source
from varlayers.types import Array, Params, Saved, Shape

__all__ = ["MultiplicativeNormal"]


@dataclass(frozen=True)
class MultiplicativeNormal(ScaledNormal):
    """Independent normals whose noise is relative, with parameters loc and rho.

    Args:
        initial_scale: the first √alpha, > 0: noise as a multiple of each |loc|.
        shift: the least √alpha, >= 0.
        share: "weight", an alpha for each weight, "channel", one for each index of the
            last axis, the channel out, or "layer", a single one.

    Raises:
        ValueError: if an argument is out of range.
    """

    share: str = "weight"

    size: ClassVar[int] = 3
    independent: ClassVar[bool] = True
    symmetric: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.share not in ("weight", "channel", "layer"):
            msg = (
                "MultiplicativeNormal expected `share` 'weight', 'channel' or 'layer', "
                f"got {self.share!r}."
            )
            raise ValueError(msg)

    def shapes(self, w_shape: Shape) -> dict[str, Shape]:
        shared = {"weight": w_shape, "channel": w_shape[-1:], "layer": (1,)}
        return {"loc": w_shape, "rho": shared[self.share]}

    def init(
        self, k: Kernels, key: Source, loc: Array, *, fan_in: int
    ) -> dict[str, Array]:
        zeros = self.zeros(k, loc)["rho"]
        return {"loc": loc, "rho": zeros + self.rho(self.initial_scale, fan_in)}

    def constrain(self, k: Kernels, params: Params) -> Saved:
        s, slope = k.scale_normal(params["rho"], self.shift)
        return params["loc"], s, slope

    def masked(self, k: Kernels, params: Params, kept: Array) -> dict[str, Array]:
        loc = params["loc"]  # the noise is relative to it
        return {**params, "loc": k.xp.where(kept, loc, k.xp.zeros_like(loc))}

    def sample(self, k: Kernels, q: Saved, eps: Array) -> Array:
        loc, s, _ = q
        return loc * (1 + s * eps)

    def sample_backward(
        self, k: Kernels, q: Saved, eps: Array, dw: Array
    ) -> dict[str, Array]:
        return self.perturb_backward(k, q, eps, dw, dw)

    def perturb(self, k: Kernels, q: Saved, eps: Array) -> tuple[Array, Array]:
        loc, s, _ = q
        return loc, loc * (s * eps)

    def perturb_backward(
        self, k: Kernels, q: Saved, eps: Array, dloc: Array, ddelta: Array
    ) -> dict[str, Array]:
        loc, s, slope = q
        ds = self._sum(k, ddelta * loc * eps)
        return {"loc": dloc + ddelta * (s * eps), "rho": ds * slope}

    def moments(self, k: Kernels, q: Saved) -> tuple[Array, Array]:
        loc, s, _ = q
        scale = loc * s
        return loc, scale * scale

    def moments_backward(
        self, k: Kernels, q: Saved, dloc: Array, dvar: Array
    ) -> dict[str, Array]:
        loc, s, slope = q
        up = 2 * s * loc * dvar
        return {"loc": dloc + s * up, "rho": self._sum(k, loc * up) * slope}

    def entropy(self, k: Kernels, q: Saved) -> tuple[Array, dict[str, Array]]:
        xp, (loc, s, slope) = k.xp, q
        n, shared = math.prod(loc.shape), math.prod(s.shape)
        magnitude, sign = xp.abs(loc), xp.sign(loc)
        log_s, drho = self.log_scales(k, s, slope)
        log_loc, ratio = self.log_scales(k, magnitude, xp.ones_like(loc))
        value = self.normal_entropy(n, (n / shared) * log_s + log_loc)
        return value, {"loc": sign * ratio, "rho": (n / shared) * drho}

    def _sum(self, k: Kernels, x: Array) -> Array:
        """Return the sums over the weights that share an alpha."""
        if self.share == "weight":
            return x
        if self.share == "layer":
            return k.xp.reshape(k.xp.sum(x), (1,))
        return k.xp.sum(k.xp.reshape(x, (-1, x.shape[-1])), axis=0)
