"""Local reparameterization: sample the pre-activation, not the weights.

For independent weights every entry of f(x, w) has mean m and variance v. One draw per
output replaces one draw per weight, and each example has noise of its own.

    forward                  backward, read from the bottom up
    m = f(x, loc) + loc_b    dloc = fᵂ(x, dm)   dloc_b = Σ dm   dx  = fˣ(dm, loc)
    v = f(x², var) + var_b   dvar = fᵂ(x², dv)  dvar_b = Σ dv   dx += 2x ∘ fˣ(dv, var)
    s = √v                   dv = ds / 2s       (0 where s = 0)
    y = m + s ∘ ε            dm = dy            ds = dy ∘ ε

Shapes: those of f; m, v, s and ε are shaped like y. A normal bias (loc_b, var_b) joins
the variance, and so differs from example to example, unless `bias="shared"`.

The marginal distribution of each output is exact. Outputs that share weights, such as
the positions of one example in a sequence or an image, are drawn independently: their
covariance under the posterior is lost.

Reference: Kingma, Salimans & Welling (2015), "Variational dropout and the local
reparameterization trick", arXiv:1506.02557.
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

__all__ = ["LocalReparameterization"]


@dataclass(frozen=True)
class LocalReparameterization:
    """Outputs sampled, independently per example and position. Noise: `output`.

    Args:
        bias: "per_example" lets a normal bias join the variance of each output;
            "shared" draws it once for the batch, as the other estimators do.

    Raises:
        ValueError: if `bias` is neither.
    """

    bias: str = "per_example"

    def __post_init__(self) -> None:
        if self.bias not in ("per_example", "shared"):
            msg = (
                "LocalReparameterization expected `bias` 'per_example' or 'shared', "
                f"got {self.bias!r}."
            )
            raise ValueError(msg)

    @property
    def joint_bias(self) -> bool:
        return self.bias == "per_example"

    def needs(self, posterior: RandomPosterior) -> str | None:
        normal = posterior.independent and posterior.normal_elements
        return None if normal else "independent normal weights"

    def noise_shapes(
        self, site: Site, x_shape: Shape, w_shape: Shape
    ) -> dict[str, Shape]:
        return {"output": site.f.out_shape(x_shape, w_shape)}

    def draw(
        self, site: Site, key: Source, shapes: Mapping[str, Shape], like: Array
    ) -> dict[str, Array]:
        return {"output": site.k.normal(key, shapes["output"], like)}

    def forward(
        self, site: Site, q: Saved, x: Array, noise: Noise, bias: Saved | None
    ) -> tuple[Array, Saved]:
        k, f, posterior = site
        eps = noise["output"]
        loc, var = posterior.moments(k, q)
        m, v = f.moments(k, x, loc, var)
        if bias is not None:
            m, v = f.add_channels(k, m, bias[0]), f.add_channels(k, v, bias[1])
        y, s = k.local_noise(m, v, eps)
        return y, (x, loc, var, s, eps)

    def backward(
        self, site: Site, q: Saved, saved: Saved, dy: Array, *, input_gradient: bool
    ) -> EstimatorGrads:
        k, f, posterior = site
        x, loc, var, s, eps = saved
        dv = k.local_noise_backward(s, eps, dy)
        dx = f.moments_adjoint_x(k, x, (dy, dv), loc, var) if input_gradient else None
        dloc, dvar = f.moments_adjoint_w(k, x, (dy, dv), loc.shape)
        dbias = (f.sum_channels(k, dy), f.sum_channels(k, dv))
        return EstimatorGrads(dx, posterior.moments_backward(k, q, dloc, dvar), dbias)
