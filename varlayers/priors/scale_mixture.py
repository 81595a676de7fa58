"""Scale mixture of normals: a weight is from a narrow or a wide normal, unknown which.

    l_j = log π_j - log s_j - z² / (2 s_j²)     a = max_j l_j     e = Σ_j exp(l_j - a)
    log f(z) = a + log(e) - log(2π) / 2         g = -z Σ_j exp(l_j - a) / (e s_j²)

so g is -z times the mean precision, under the probability that z is from component j.
Two components of scales 1 and 2000 and equal probabilities are the spike and slab that
tfp.experimental.nn has by default.

Shapes: z, l_j, a and e alike.

Reference: Blundell, Cornebise, Kavukcuoglu & Wierstra (2015), "Weight uncertainty in
neural networks", arXiv:1505.05424.
"""

import math
from dataclasses import dataclass, field

from varlayers.kernels import Kernels
from varlayers.priors.location_scale import LocationScalePrior
from varlayers.types import Array

__all__ = ["ScaleMixturePrior"]


@dataclass(frozen=True)
class ScaleMixturePrior(LocationScalePrior):
    """Σ_j π_j N(loc, (scale s_j)²) for every weight.

    Args:
        loc: a number, or an array that broadcasts to the weight.
        scale: > 0, common to the components; a number, or an array that broadcasts to
            the weight.
        width_scaled: divide `scale` by sqrt(fan_in).
        trainable: which of "loc" and "scale" are learned (empirical Bayes).
        scales: s_j, one or more, each > 0.
        probabilities: π_j, one for each scale, > 0, of sum 1.

    Raises:
        ValueError: if an argument is out of range or, in use, if an array does not
            broadcast.
    """

    scales: tuple[float, ...] = field(default=(1.0, 2000.0), kw_only=True)
    probabilities: tuple[float, ...] = field(default=(0.5, 0.5), kw_only=True)

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
        xp, half = k.xp, -0.5 * z * z
        pairs = list(zip(self.scales, self.probabilities, strict=True))
        logs = [math.log(p / s) + half / (s * s) for s, p in pairs]
        a = logs[0]
        for other in logs[1:]:
            a = xp.maximum(a, other)
        e, precision = xp.zeros_like(z), xp.zeros_like(z)
        for (s, _), log in zip(pairs, logs, strict=True):
            part = xp.exp(log - a)
            e, precision = e + part, precision + part / (s * s)
        return a + xp.log(e) - 0.5 * math.log(2 * math.pi), -z * precision / e
