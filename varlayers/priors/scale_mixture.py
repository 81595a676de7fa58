"""Scale mixture of normals: a weight is from a narrow or a wide normal, unknown which.

    l_j = log π_j - log s_j - z² / (2 s_j²)     a = max_j l_j     e = Σ_j exp(l_j - a)
    log f(z) = a + log(e) - log(2π) / 2         g = -z Σ_j exp(l_j - a) / (e s_j²)

so g is -z times the mean precision, under the probability r_j that z is from component
j. That gives the gradients by what the components learn, `log_scales` and `logits`,
with π the softmax of the logits:

    r_j = exp(l_j - a) / e
    dlog_scales_j = r_j (z² / s_j² - 1)         dlogits_j = r_j - π_j

Only the differences of logits matter, and of log_scales if the common scale is learned,
too. Two components of scales 1 and 2000 and equal probabilities are the spike and slab
that tfp.experimental.nn has by default.

Shapes: z, l_j, r_j, a and e alike; log_scales and logits (j,), and their gradients
(j, *z's shape).

Reference: Blundell, Cornebise, Kavukcuoglu & Wierstra (2015), "Weight uncertainty in
neural networks", arXiv:1505.05424.
"""

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from varlayers.kernels import Kernels
from varlayers.priors.location_scale import LocationScalePrior
from varlayers.types import Array, Params

__all__ = ["ScaleMixturePrior"]


@dataclass(frozen=True)
class ScaleMixturePrior(LocationScalePrior):
    """Σ_j π_j N(loc, (scale s_j)²) for every weight.

    Args:
        loc: a number, or an array that broadcasts to the weight.
        scale: > 0, common to the components; a number, or an array that broadcasts to
            the weight.
        width_scaled: divide `scale` by sqrt(fan_in).
        trainable: which of "loc", "scale", "scales" and "probabilities" are learned
            (empirical Bayes).
        scales: s_j, one or more, each > 0.
        probabilities: π_j, one for each scale, > 0, of sum 1.

    Raises:
        ValueError: if an argument is out of range or, in use, if an array does not
            broadcast.
    """

    scales: tuple[float, ...] = field(default=(1.0, 2000.0), kw_only=True)
    probabilities: tuple[float, ...] = field(default=(0.5, 0.5), kw_only=True)

    learnable: ClassVar[dict[str, str]] = {
        **LocationScalePrior.learnable,
        "scales": "log_scales",
        "probabilities": "logits",
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("scales", "probabilities"):
            values = tuple(float(value) for value in getattr(self, name))
            object.__setattr__(self, name, values)
            if not values or not min(values) > 0:
                msg = (
                    f"ScaleMixturePrior expected one or more `{name}`, each > 0, "
                    f"got {values}."
                )
                raise ValueError(msg)
        scales, probabilities = self.scales, self.probabilities
        total = math.fsum(probabilities)
        if len(scales) != len(probabilities) or not abs(total - 1) < 1e-6:
            msg = (
                f"ScaleMixturePrior expected {len(scales)} `probabilities` of sum 1, "
                f"one for each scale, got {probabilities}."
            )
            raise ValueError(msg)

    def standard(self, k: Kernels, z: Array) -> tuple[Array, Array]:
        log_f, g, _, _ = _mixed(k, self._components(k, {}), z)
        return log_f, g

    def shaped(
        self, k: Kernels, params: Params, z: Array
    ) -> tuple[Array, Array, dict[str, Array]]:
        components = self._components(k, params)
        log_f, g, parts, e = _mixed(k, components, z)
        own = {}
        if "log_scales" in params:
            squares = [z * z / variance - 1 for _, _, variance in components]
            pairs = zip(parts, squares, strict=True)
            own["log_scales"] = k.xp.stack([part / e * d for part, d in pairs])
        if "logits" in params:
            pi = k.xp.exp(k.log_softmax(params["logits"]))
            own["logits"] = k.xp.stack([p / e - pi[j] for j, p in enumerate(parts)])
        return log_f, g, own

    def sum_to_shapes(self, k: Kernels, dparams: Params) -> dict[str, Array]:
        own = {
            name: k.xp.sum(d, axis=tuple(range(1, d.ndim)))
            for name, d in dparams.items()
            if name in ("log_scales", "logits")
        }
        rest = {name: d for name, d in dparams.items() if name not in own}
        return {**super().sum_to_shapes(k, rest), **own}

    def starts(self) -> dict[str, Any]:
        own = {"log_scales": np.log(self.scales), "logits": np.log(self.probabilities)}
        return {**super().starts(), **own}

    def _components(self, k: Kernels, params: Params) -> list[tuple[Any, Any, Any]]:
        """Return log π_j, log s_j and s_j², numbers or scalars, of each component."""
        count = len(self.scales)
        log_pi: Any = [math.log(p) for p in self.probabilities]
        log_s: Any = [math.log(s) for s in self.scales]
        variances: Any = [s * s for s in self.scales]
        if "logits" in params:
            log_pi = k.log_softmax(params["logits"])
        if "log_scales" in params:
            log_s = params["log_scales"]
            variances = k.xp.exp(2 * log_s)
        return [(log_pi[j], log_s[j], variances[j]) for j in range(count)]


def _mixed(
    k: Kernels, components: list[tuple[Any, Any, Any]], z: Array
) -> tuple[Array, Array, list[Array], Array]:
    """Return log f(z), g, every exp(l_j - a), and e."""
    xp, half = k.xp, -0.5 * z * z
    parts = [log_pi - log_s + half / variance for log_pi, log_s, variance in components]
    a = parts[0]
    for other in parts[1:]:
        a = xp.maximum(a, other)
    e, precision = xp.zeros_like(z), xp.zeros_like(z)
    for j, (_, _, variance) in enumerate(components):
        parts[j] = xp.exp(parts[j] - a)
        e, precision = e + parts[j], precision + parts[j] / variance
    log_f = a + xp.log(e) - 0.5 * math.log(2 * math.pi)
    return log_f, -z * precision / e, parts, e
