"""Horseshoe prior: most weights next to 0, the others left alone.

Each weight has a scale of its own, half-Cauchy about a common one:

    w | λ ~ N(loc, (scale λ)²)        λ ~ C⁺(0, 1)        so log λ has density sech / π

The integral over λ has no simple form, and grows without end at loc. Here it is the
trapezoidal rule in log λ, 20 nodes t_j from -7 to 7: a scale mixture of normals with

    s_j = exp(t_j)        π_j ∝ sech(t_j)

It is a proper density, bounded at loc, within 0.024 nats of the horseshoe's logarithm
for |w - loc| from 0.001 to 300 scales. The tails beyond are a normal's. The weights'
own scales are integrated out; the common one may be learned.

Reference: Carvalho, Polson & Scott (2010), "The horseshoe estimator for sparse
signals".
"""

import math
from dataclasses import dataclass

from varlayers.kernels import Kernels
from varlayers.priors.location_scale import LocationScalePrior
from varlayers.priors.scale_mixture import ScaleMixturePrior
from varlayers.types import Array

__all__ = ["HorseshoePrior"]

_NODES = [-7 + 14 * j / 19 for j in range(20)]
_SECH = [1 / math.cosh(t) for t in _NODES]
_MIXTURE = ScaleMixturePrior(
    scales=tuple(math.exp(t) for t in _NODES),
    probabilities=tuple(p / math.fsum(_SECH) for p in _SECH),
)


@dataclass(frozen=True)
class HorseshoePrior(LocationScalePrior):
    """N(loc, (scale λ)²) for every weight, its λ half-Cauchy and integrated out.

    Args:
        loc: a number, or an array that broadcasts to the weight.
        scale: > 0, the common scale: the smaller, the fewer weights stand out. A
            number, or an array that broadcasts to the weight.
        width_scaled: divide `scale` by sqrt(fan_in).
        trainable: which of "loc" and "scale" are learned (empirical Bayes).

    Raises:
        ValueError: if an argument is out of range or, in use, if an array does not
            broadcast.
    """

    def standard(self, k: Kernels, z: Array) -> tuple[Array, Array]:
        return _MIXTURE.standard(k, z)
