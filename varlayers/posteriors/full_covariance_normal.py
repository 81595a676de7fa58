"""Full-covariance normal posterior: w ~ N(loc, L Lᵀ) over the flattened weight.

    forward                          backward, read from the bottom up
    scale = softplus(rho) + shift    drho = dscale ∘ slope,  slope = sigmoid(rho)
    S = below(lower)                 dlower = below(dS)
    w = loc + scale ∘ ε + S ε        dloc = dw   dscale = dw ∘ ε   dS = dw εᵀ
    var = scale² + Σⱼ S²             dscale = 2 scale ∘ dvar   dS = 2 dvar ∘ S  (by row)
    log|det ∂w/∂ε| = Σ log(scale)    drho = slope / scale

below keeps what is under the diagonal, so L = diag(scale) + S is a Cholesky factor.
Row i of L belongs to element i of the flattened weight.

Shapes, for a weight of n elements: loc, rho and ε have the weight's shape, lower is
(n, n). q = (loc, scale, slope, S). At the start S = 0 and scale is a mean-field
normal's. All correlations, for n² numbers and as many operations per sample: for the
last layer of a network, or a bias.

Reference: Opper & Archambeau (2009), "The variational Gaussian approximation
revisited", Neural Computation 21.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

from varlayers.kernels import Kernels
from varlayers.posteriors.scaled import ScaledNormal
from varlayers.random import Source
from varlayers.types import Array, Params, Saved, Shape

__all__ = ["FullCovarianceNormal"]


@dataclass(frozen=True)
class FullCovarianceNormal(ScaledNormal):
    """A normal with every covariance, with parameters loc, rho and lower.

    Args:
        initial_scale: the first scale, as a multiple of 1 / sqrt(fan_in), > 0.
        shift: the least diagonal of the Cholesky factor, >= 0.
        max_size: the most elements that a weight may have, >= 1. The factor holds the
            square of their number: at the default, 16 MiB in float32.

    Raises:
        ValueError: if an argument is out of range or, when a layer is made, its weight
            has more elements.
    """

    max_size: int = 2048

    size: ClassVar[int] = 4
    independent: ClassVar[bool] = False
    symmetric: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self.at_least_1("max_size")

    def shapes(self, w_shape: Shape) -> dict[str, Shape]:
        n = math.prod(w_shape)
        if n > self.max_size:
            msg = (
                f"FullCovarianceNormal expected a weight of at most `max_size` = "
                f"{self.max_size} elements, got shape {tuple(w_shape)}, {n} elements "
                f"with {n}² numbers in their factor. Choose LowRankNormal or "
                "MatrixNormal, or raise `max_size`."
            )
            raise ValueError(msg)
        return {"loc": w_shape, "rho": w_shape, "lower": (n, n)}

    def init(
        self, k: Kernels, key: Source, loc: Array, *, fan_in: int
    ) -> dict[str, Array]:
        rho = self.rho(self.initial_scale / math.sqrt(max(fan_in, 1)), fan_in)
        return self.zeros(k, loc) | {"loc": loc, "rho": k.xp.full_like(loc, rho)}

    def constrain(self, k: Kernels, params: Params) -> Saved:
        scale, slope = k.scale_normal(params["rho"], self.shift)
        return params["loc"], scale, slope, k.xp.tril(params["lower"], k=-1)

    def sample(self, k: Kernels, q: Saved, eps: Array) -> Array:
        loc, scale, _, below = q
        correlated = below @ k.xp.reshape(eps, (-1,))
        return loc + scale * eps + k.xp.reshape(correlated, loc.shape)

    def sample_backward(
        self, k: Kernels, q: Saved, eps: Array, dw: Array
    ) -> dict[str, Array]:
        xp, slope = k.xp, q[2]
        column, row = xp.reshape(dw, (-1, 1)), xp.reshape(eps, (1, -1))
        lower = xp.tril(column * row, k=-1)
        return {"loc": dw, "rho": dw * eps * slope, "lower": lower}

    def moments(self, k: Kernels, q: Saved) -> tuple[Array, Array]:
        loc, scale, _, below = q
        rest = k.xp.sum(below * below, axis=1)
        return loc, scale * scale + k.xp.reshape(rest, loc.shape)

    def moments_backward(
        self, k: Kernels, q: Saved, dloc: Array, dvar: Array
    ) -> dict[str, Array]:
        _, scale, slope, below = q
        lower = 2 * k.xp.reshape(dvar, (-1, 1)) * below
        return {"loc": dloc, "rho": 2 * scale * dvar * slope, "lower": lower}

    def entropy(self, k: Kernels, q: Saved) -> tuple[Array, dict[str, Array]]:
        loc, scale, slope, _ = q
        log_det, drho = self.log_scales(k, scale, slope)
        value = self.normal_entropy(math.prod(loc.shape), log_det)
        return value, self.zeros(k, loc) | {"rho": drho}
