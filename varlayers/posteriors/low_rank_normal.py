"""Low-rank plus diagonal normal posterior: w ~ N(loc, D² + U Uᵀ), D = diag(scale).

    forward                          backward, read from the bottom up
    scale = softplus(rho) + shift    drho = dscale ∘ slope,  slope = sigmoid(rho)
    w = loc + scale ∘ ε + U ε′       dloc = dw   dscale = dw ∘ ε     dU = dw ε′ᵀ
    var = scale² + Σⱼ U²             dscale = 2 scale ∘ dvar   dU = 2 dvar ∘ U  (by row)

    V = D⁻¹ U    [V; I] = [P; Q] R (its QR)      so Σ⁻¹ = D⁻¹ (I - P Pᵀ) D⁻¹
    H = n (1 + log 2π) / 2 + Σ log(scale) + Σ log|diag R|
    dH:  dscale = (1 - Σⱼ P²) / scale            dU = D⁻¹ P Qᵀ
    z = ε + V ε′     u = z - P Pᵀ z              z · u = (w - loc)ᵀ Σ⁻¹ (w - loc)
    log q(w) = n / 2 - z · u / 2 - H
    d log q: dscale = (u² - u ∘ ε) / scale       dU = D⁻¹ u (Vᵀ u - ε′)ᵀ       less dH

RᵀR = I + VᵀV is never formed: it would lose the I where U is far larger than D.
Noise is n + rank numbers for a weight of n elements, ε first, so more than w has: the
density is that of w, not of the noise.

Shapes: loc and rho as the weight, factor (U) is (n, rank); ε is (n,), ε′ (rank,).
q = (loc, scale, slope, U). At the start each element has a mean-field normal's
variance, half of it in scale, half in U, which is random: at U = 0 the expected
gradient by U is 0.

Reference: Ong, Nott & Smith (2018), "Gaussian variational approximation with a factor
covariance structure", arXiv:1701.03208.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

from varlayers.kernels import Kernels
from varlayers.posteriors.scaled import Scaled
from varlayers.random import Source
from varlayers.types import Array, Params, Saved, Shape

__all__ = ["LowRankNormal"]


@dataclass(frozen=True)
class LowRankNormal(Scaled):
    """A normal with correlations of a given rank, with parameters loc, rho and factor.

    Args:
        initial_scale: the first standard deviation, as a multiple of 1 / sqrt(fan_in),
            > 0.
        shift: the least scale of the independent part, > 0: without that part the
            covariance is singular.
        rank: the number of columns of the factor, >= 1.

    Raises:
        ValueError: if an argument is out of range.
    """

    rank: int = 4

    size: ClassVar[int] = 4
    normal_elements: ClassVar[bool] = True
    independent: ClassVar[bool] = False
    symmetric: ClassVar[bool] = False
    has_density: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self.at_least_1("rank")
        if self.shift == 0:
            msg = (
                "LowRankNormal expected `shift` > 0, got 0. Without its independent "
                "part the covariance is singular."
            )
            raise ValueError(msg)

    def shapes(self, w_shape: Shape) -> dict[str, Shape]:
        n = math.prod(w_shape)
        return {"loc": w_shape, "rho": w_shape, "factor": (n, self.rank)}

    def noise_shape(self, w_shape: Shape) -> Shape:
        return (math.prod(w_shape) + self.rank,)

    def init(
        self, k: Kernels, key: Source, loc: Array, *, fan_in: int
    ) -> dict[str, Array]:
        half = self.initial_scale * math.sqrt(0.5 / max(fan_in, 1))
        shape = self.shapes(tuple(loc.shape))["factor"]
        factor = half / math.sqrt(self.rank) * k.normal(key, shape, loc)
        rho = k.xp.full_like(loc, self.rho(half, fan_in))
        return {"loc": loc, "rho": rho, "factor": factor}

    def constrain(self, k: Kernels, params: Params) -> Saved:
        scale, slope = k.scale_normal(params["rho"], self.shift)
        return params["loc"], scale, slope, params["factor"]

    def sample(self, k: Kernels, q: Saved, eps: Array) -> Array:
        (loc, scale, _, factor), (own, shared) = q, self._split(eps)
        delta = k.xp.reshape(scale, (-1,)) * own + factor @ shared
        return loc + k.xp.reshape(delta, loc.shape)

    def sample_backward(
        self, k: Kernels, q: Saved, eps: Array, dw: Array
    ) -> dict[str, Array]:
        xp, (own, shared) = k.xp, self._split(eps)
        drho = dw * q[2] * xp.reshape(own, dw.shape)
        dfactor = xp.reshape(dw, (-1, 1)) * xp.reshape(shared, (1, -1))
        return {"loc": dw, "rho": drho, "factor": dfactor}

    def moments(self, k: Kernels, q: Saved) -> tuple[Array, Array]:
        loc, scale, _, factor = q
        shared = k.xp.sum(factor * factor, axis=1)
        return loc, scale * scale + k.xp.reshape(shared, loc.shape)

    def moments_backward(
        self, k: Kernels, q: Saved, dloc: Array, dvar: Array
    ) -> dict[str, Array]:
        _, scale, slope, factor = q
        dfactor = 2 * k.xp.reshape(dvar, (-1, 1)) * factor
        return {"loc": dloc, "rho": 2 * scale * dvar * slope, "factor": dfactor}

    def entropy(self, k: Kernels, q: Saved) -> tuple[Array, dict[str, Array]]:
        xp, (loc, scale, slope, factor) = k.xp, q
        column, _, (top, bottom), log_det = self._whitened(k, scale, factor)
        stretch = xp.sum(xp.log(scale)) + log_det
        value = self.normal_entropy(math.prod(loc.shape), stretch)
        rest = xp.reshape(1 - xp.sum(top * top, axis=1), loc.shape)
        drho, dfactor = rest / scale * slope, top @ bottom.T / column
        return value, {"loc": xp.zeros_like(loc), "rho": drho, "factor": dfactor}

    def log_density_at(
        self, k: Kernels, q: Saved, eps: Array
    ) -> tuple[Array, dict[str, Array]]:
        xp, (loc, scale, slope, factor) = k.xp, q
        own, shared = self._split(eps)
        entropy, grads = self.entropy(k, q)
        column, v, (top, _), _ = self._whitened(k, scale, factor)
        z = own + v @ shared
        u = z - top @ (top.T @ z)
        value = 0.5 * (math.prod(loc.shape) - xp.sum(z * u)) - entropy
        drho = xp.reshape(u * u - u * own, loc.shape) / scale * slope
        row = xp.reshape(v.T @ u - shared, (1, -1))
        dfactor = xp.reshape(u, (-1, 1)) * row / column
        total = {"rho": drho - grads["rho"], "factor": dfactor - grads["factor"]}
        return value, {"loc": grads["loc"], **total}

    def _split(self, eps: Array) -> tuple[Array, Array]:
        """Return ε and ε′."""
        return eps[: -self.rank], eps[-self.rank :]

    def _whitened(
        self, k: Kernels, scale: Array, factor: Array
    ) -> tuple[Array, Array, tuple[Array, Array], Array]:
        """Return scale as a column, V, (P, Q) and Σ log|diag R|."""
        xp = k.xp
        column = xp.reshape(scale, (-1, 1))
        v = factor / column
        eye = xp.eye(self.rank, dtype=v.dtype, device=k.device(v))
        both, r = xp.linalg.qr(xp.concat([v, eye], axis=0))
        log_det = xp.sum(xp.log(xp.abs(xp.linalg.diagonal(r))))
        n = v.shape[0]
        return column, v, (both[:n, :], both[n:, :]), log_det
