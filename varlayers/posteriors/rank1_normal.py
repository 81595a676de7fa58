"""Rank-1 posterior: w = loc ∘ (r sᵀ), with a point loc and normal factors r and s.

    forward                            backward, read from the bottom up
    σ = softplus(row_rho) + shift      drow_rho = dσ ∘ slope,   slope = sigmoid
    τ = softplus(column_rho) + shift   dcolumn_rho = dτ ∘ slope
    r = 1 + σ ∘ ε   s = 1 + τ ∘ ε′     dσ = dr ∘ ε              dτ = ds ∘ ε′
    w = loc ∘ (r sᵀ)                   dloc = dw ∘ (r sᵀ)       G = Σ loc ∘ dw
                                       dr = G s                 ds = Gᵀ r
    c = σ² + τ² + σ² τ²                dσ = 2σ ∘ Σₒ G ∘ (1 + τ²)
    var = loc² ∘ c                     dτ = 2τ ∘ Σᵢ G ∘ (1 + σ²)
                                       dloc = 2 loc ∘ c ∘ dvar  G = Σ loc² ∘ dvar

Σ without an index runs over the positions of a filter; σ varies down the rows, i, of c
and τ along its columns, o. The noise is i + o numbers, ε first.

r and s have mean 1: any other, unless 0, could be moved into loc. q has no density over
w, whose i o elements are made of i + o random numbers. A divergence compares the
factors, not w, with a prior of their own.

Shapes: a kernel (*filter, i, o) has row_rho (i,) and column_rho (o,); a bias is one
row. q = (loc, σ, slope, τ, slope). At the start σ = τ, such that the standard deviation
of each w is a fraction of |loc|.

Reference: Dusenberry, Jerfel, Wen, Ma, Snoek, Heller, Lakshminarayanan & Tran (2020),
"Efficient and scalable Bayesian neural nets with rank-1 factors", arXiv:2005.07186.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

from varlayers.kernels import Kernels
from varlayers.posteriors.scaled import Scaled
from varlayers.random import Source
from varlayers.types import Array, Params, Saved, Shape

__all__ = ["Rank1Normal"]


@dataclass(frozen=True)
class Rank1Normal(Scaled):
    """Normal factors for rows and columns, with parameters loc, row_rho, column_rho.

    Args:
        initial_scale: the first standard deviation of a weight as a multiple of its
            |loc|, > 0.
        shift: the least standard deviation of a factor, >= 0.
        prior_scale: > 0; a divergence compares the factors with N(1, prior_scale²).

    Raises:
        ValueError: if an argument is out of range.
    """

    prior_scale: float = 0.1

    size: ClassVar[int] = 5
    normal_elements: ClassVar[bool] = False
    independent: ClassVar[bool] = False
    symmetric: ClassVar[bool] = False
    has_density: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.prior_scale > 0:
            msg = f"Rank1Normal expected `prior_scale` > 0, got {self.prior_scale}."
            raise ValueError(msg)

    def shapes(self, w_shape: Shape) -> dict[str, Shape]:
        rows = w_shape[-2:-1] or (1,)
        return {"loc": w_shape, "row_rho": rows, "column_rho": w_shape[-1:]}

    def noise_shape(self, w_shape: Shape) -> Shape:
        shapes = self.shapes(w_shape)
        return (shapes["row_rho"][0] + shapes["column_rho"][0],)

    def init(
        self, k: Kernels, key: Source, loc: Array, *, fan_in: int
    ) -> dict[str, Array]:
        # c = (1 + σ²)² - 1 = initial_scale²; the difference without cancellation
        square = self.initial_scale**2
        variance = square / (1 + math.sqrt(1 + square))
        rho = self.rho(math.sqrt(variance), fan_in)
        zeros = self.zeros(k, loc)
        moved = {name: zeros[name] + rho for name in ("row_rho", "column_rho")}
        return {"loc": loc, **moved}

    def constrain(self, k: Kernels, params: Params) -> Saved:
        row = k.scale_normal(params["row_rho"], self.shift)
        column = k.scale_normal(params["column_rho"], self.shift)
        return params["loc"], *row, *column

    def masked(self, k: Kernels, params: Params, kept: Array) -> dict[str, Array]:
        loc = params["loc"]  # the noise is relative to it
        return {**params, "loc": k.xp.where(kept, loc, k.xp.zeros_like(loc))}

    def sample(self, k: Kernels, q: Saved, eps: Array) -> Array:
        r, s, *_ = self._factors(q, eps)
        return q[0] * self._outer(k, r, s, q[0])

    def sample_backward(
        self, k: Kernels, q: Saved, eps: Array, dw: Array
    ) -> dict[str, Array]:
        loc, _, row_slope, _, column_slope = q
        r, s, row_eps, column_eps = self._factors(q, eps)
        g = self._sum(k, loc * dw, r, s)
        return {
            "loc": dw * self._outer(k, r, s, loc),
            "row_rho": (g @ s) * row_eps * row_slope,
            "column_rho": (g.T @ r) * column_eps * column_slope,
        }

    def moments(self, k: Kernels, q: Saved) -> tuple[Array, Array]:
        return q[0], q[0] * q[0] * self._relative_variance(k, q)

    def moments_backward(
        self, k: Kernels, q: Saved, dloc: Array, dvar: Array
    ) -> dict[str, Array]:
        loc, row, row_slope, column, column_slope = q
        g = self._sum(k, loc * loc * dvar, row, column)
        drow = 2 * row * (g @ (1 + column * column))
        dcolumn = 2 * column * (g.T @ (1 + row * row))
        return {
            "loc": dloc + 2 * loc * self._relative_variance(k, q) * dvar,
            "row_rho": drow * row_slope,
            "column_rho": dcolumn * column_slope,
        }

    def _factors(self, q: Saved, eps: Array) -> tuple[Array, Array, Array, Array]:
        """Return r, s, ε and ε′."""
        _, row, _, column, _ = q
        row_eps, column_eps = eps[: row.shape[0]], eps[row.shape[0] :]
        return 1 + row * row_eps, 1 + column * column_eps, row_eps, column_eps

    def _relative_variance(self, k: Kernels, q: Saved) -> Array:
        """Return c."""
        loc, row, _, column, _ = q
        v, u = (row * row)[:, None], (column * column)[None, :]
        return k.xp.reshape(v + u + v * u, tuple(loc.shape)[-2:])

    def _outer(self, k: Kernels, r: Array, s: Array, loc: Array) -> Array:
        """Return r sᵀ, shaped like the last axes of loc."""
        return k.xp.reshape(r[:, None] * s[None, :], tuple(loc.shape)[-2:])

    def _sum(self, k: Kernels, x: Array, r: Array, s: Array) -> Array:
        """Return the sum over a filter's positions, (i, o)."""
        return k.xp.sum(k.xp.reshape(x, (-1, r.shape[0], s.shape[0])), axis=0)
