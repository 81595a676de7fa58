"""Matrix-variate normal posterior: w ~ MN(loc, A Aᵀ, B Bᵀ), as a matrix.

    forward                          backward, read from the bottom up
    a = softplus(row_rho) + shift    drow_rho = diag(dA) ∘ slope,  slope = sigmoid
    A = diag(a) + below(row_lower)   drow_lower = below(dA)        (B in the same way)
    w = loc + A ε Bᵀ                 dloc = dw   dA = dw B εᵀ   dB = dwᵀ A ε
    v = Σⱼ A²   u = Σⱼ B²   (rows)   dA = 2 dv ∘ A              dB = 2 du ∘ B
    var = v uᵀ                       dv = dvar u                du = dvarᵀ v
    log|det ∂w/∂ε| = o Σ log a + i Σ log b       da = o / a     db = i / b

below keeps what is under the diagonal: A and B are Cholesky factors of the covariances
of the rows and of the columns. The covariance of wᵢₒ and wⱼₚ is (A Aᵀ)ᵢⱼ (B Bᵀ)ₒₚ: all
weights are correlated, with i² + o² numbers. Only the product of the two matters, not
how a factor is divided between them.

Shapes: a kernel (*filter, i', o) is a matrix of i = prod(filter) i' rows and o columns,
a bias one row. row_rho (i,), row_lower (i, i), column_rho (o,), column_lower (o, o);
loc, ε and w as the weight. q = (loc, A, B, slope of a, slope of b). At the start A and
B are diagonal and w is a mean-field normal.

Reference: Louizos & Welling (2016), "Structured and efficient variational deep learning
with matrix Gaussian posteriors", arXiv:1603.04733.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

from varlayers.kernels import Kernels
from varlayers.posteriors.scaled import ScaledNormal
from varlayers.random import Source
from varlayers.types import Array, Params, Saved, Shape

__all__ = ["MatrixNormal"]

_SIDES = ("row", "column")


@dataclass(frozen=True)
class MatrixNormal(ScaledNormal):
    """A normal whose rows and columns are correlated.

    Its parameters are loc, row_rho, row_lower, column_rho and column_lower.

    Args:
        initial_scale: the first scale, as a multiple of 1 / sqrt(fan_in), > 0.
        shift: the least diagonal of the factors, >= 0.
        max_size: the most rows, and the most columns, that a weight may have, >= 1.
            Each factor holds the square of their number.

    Raises:
        ValueError: if an argument is out of range or, when a layer is made, its weight
            has more rows or columns.
    """

    max_size: int = 2048

    size: ClassVar[int] = 5
    independent: ClassVar[bool] = False
    symmetric: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self.at_least_1("max_size")

    def shapes(self, w_shape: Shape) -> dict[str, Shape]:
        rows, columns = math.prod(w_shape[:-1]), w_shape[-1]
        if max(rows, columns) > self.max_size:
            msg = (
                "MatrixNormal expected a weight of at most `max_size` = "
                f"{self.max_size} rows and columns, got shape {tuple(w_shape)}: {rows} "
                f"rows and {columns} columns. Choose LowRankNormal, or raise "
                "`max_size`."
            )
            raise ValueError(msg)
        return {
            "loc": w_shape,
            "row_rho": (rows,),
            "row_lower": (rows, rows),
            "column_rho": (columns,),
            "column_lower": (columns, columns),
        }

    def init(
        self, k: Kernels, key: Source, loc: Array, *, fan_in: int
    ) -> dict[str, Array]:
        scale = self.initial_scale / math.sqrt(max(fan_in, 1))
        rho, params = self.rho(math.sqrt(scale), fan_in), self.zeros(k, loc)
        moved = {f"{side}_rho": params[f"{side}_rho"] + rho for side in _SIDES}
        return params | moved | {"loc": loc}

    def constrain(self, k: Kernels, params: Params) -> Saved:
        xp, factors, slopes = k.xp, [], []
        for side in _SIDES:
            scale, slope = k.scale_normal(params[f"{side}_rho"], self.shift)
            lower = params[f"{side}_lower"]
            eye = xp.eye(lower.shape[0], dtype=lower.dtype, device=k.device(lower))
            factors.append(eye * scale + xp.tril(lower, k=-1))
            slopes.append(slope)
        return params["loc"], *factors, *slopes

    def sample(self, k: Kernels, q: Saved, eps: Array) -> Array:
        loc, a, b, *_ = q
        delta = k.matmul(k.matmul(a, self._matrix(k, eps)), b.T)
        return loc + k.xp.reshape(delta, loc.shape)

    def sample_backward(
        self, k: Kernels, q: Saved, eps: Array, dw: Array
    ) -> dict[str, Array]:
        _, a, b, *_ = q
        noise, grad = self._matrix(k, eps), self._matrix(k, dw)
        da = k.matmul(grad, k.matmul(b, noise.T))
        db = k.matmul(grad.T, k.matmul(a, noise))
        return {"loc": dw} | self._factors_backward(k, q, da, db)

    def moments(self, k: Kernels, q: Saved) -> tuple[Array, Array]:
        xp, (loc, a, b, *_) = k.xp, q
        v = xp.sum(a * a, axis=1)[:, None]
        u = xp.sum(b * b, axis=1)[None, :]
        return loc, xp.reshape(v * u, loc.shape)

    def moments_backward(
        self, k: Kernels, q: Saved, dloc: Array, dvar: Array
    ) -> dict[str, Array]:
        xp, (_, a, b, *_), grad = k.xp, q, self._matrix(k, dvar)
        dv = grad @ xp.sum(b * b, axis=1)
        du = grad.T @ xp.sum(a * a, axis=1)
        da, db = 2 * dv[:, None] * a, 2 * du[:, None] * b
        return {"loc": dloc} | self._factors_backward(k, q, da, db)

    def entropy(self, k: Kernels, q: Saved) -> tuple[Array, dict[str, Array]]:
        loc, a, b, *slopes = q
        grads, log_det = self.zeros(k, loc), 0.0
        others = b.shape[0], a.shape[0]
        for side, factor, slope, other in zip(
            _SIDES, (a, b), slopes, others, strict=True
        ):
            scale = k.xp.linalg.diagonal(factor)
            total, drho = self.log_scales(k, scale, slope)
            log_det = log_det + other * total
            grads[f"{side}_rho"] = other * drho
        return self.normal_entropy(math.prod(loc.shape), log_det), grads

    def _matrix(self, k: Kernels, x: Array) -> Array:
        return k.xp.reshape(x, (-1, x.shape[-1]))

    def _factors_backward(
        self, k: Kernels, q: Saved, *grads: Array
    ) -> dict[str, Array]:
        """Map dA and dB to the gradients of the parameters."""
        xp, (_, _, _, *slopes), result = k.xp, q, {}
        for side, grad, slope in zip(_SIDES, grads, slopes, strict=True):
            result[f"{side}_rho"] = xp.linalg.diagonal(grad) * slope
            result[f"{side}_lower"] = xp.tril(grad, k=-1)
        return result
