"""Clip gradients by their global norm: shorten the step, keep its direction.

    a = max |g| / 16           over all entries of all gradients
    r = √Σ (g / a)²            norm = a r
    g = g                      where norm <= max_norm
    g = g (max_norm / a / r)   elsewhere

Dividing by a first keeps the squares of large finite gradients from overflowing, which
would turn a gradient of 1e20 in float32 into a step of zero. (Sixteen, because XLA
divides by a scalar as it multiplies by its reciprocal, and flushes that to zero where
a > 8.5e37.) Where a is zero or not finite, a = 1 takes its place:

    all gradients 0      norm 0; they stay 0
    an infinite entry    norm inf; finite entries become 0, infinite ones NaN
    a NaN entry          norm NaN; every entry becomes NaN

so a divergence is seen, never hidden.

Reference: Pascanu, Mikolov & Bengio (2013), "On the difficulty of training recurrent
neural networks", arXiv:1211.5063.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

from varlayers.dispatch import kernels_for
from varlayers.optimizers.ranges import Range, set_numbers
from varlayers.tree import leaves, map_leaves
from varlayers.types import Array, Optimizer, Params

__all__ = ["Clip", "clip_by_global_norm"]


@dataclass(frozen=True)
class Clip:
    """An optimizer whose gradients are clipped by their global norm first.

    The state is that of the optimizer inside, and so are the arrays that `update` may
    overwrite.

    Args:
        optimizer: the optimizer.
        max_norm: > 0; the longest gradient that passes unchanged.

    Raises:
        TypeError: if `max_norm` is no number.
        ValueError: if `max_norm` is not positive.
    """

    optimizer: Optimizer
    max_norm: float

    def __post_init__(self) -> None:
        set_numbers(self, max_norm=Range("> 0", lambda value: value > 0))

    def init(self, params: Params) -> dict[str, Any]:
        """Return the state before the first step."""
        return self.optimizer.init(params)

    def update(
        self, grads: Params, state: Mapping[str, Any], params: Params
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the next parameters and state."""
        clipped, _ = clip_by_global_norm(grads, self.max_norm)
        return self.optimizer.update(clipped, state, params)


def clip_by_global_norm(grads: Params, max_norm: float) -> tuple[dict[str, Any], Array]:
    """Scale gradients down to a common norm of at most max_norm.

    Args:
        grads: a nested dict of arrays; not changed.
        max_norm: > 0.

    Returns:
        The gradients, and their norm before clipping, a scalar array (0.0 for a dict
        without arrays).
    """
    filled = [leaf for leaf in leaves(grads) if 0 not in leaf.shape]
    if not filled:
        return map_leaves(lambda leaf: leaf, grads), 0.0
    xp = kernels_for(filled[0]).xp
    a = reduce(xp.maximum, [xp.max(xp.abs(leaf)) for leaf in filled]) / 16
    a = xp.where((a > 0) & xp.isfinite(a), a, xp.ones_like(a))
    r = xp.sqrt(reduce(add, [xp.sum((leaf / a) ** 2) for leaf in filled]))
    norm = a * r
    one = xp.ones_like(r)
    factor = xp.where(norm <= max_norm, one, max_norm / a / xp.where(r == 0, one, r))
    return map_leaves(lambda leaf: leaf * xp.astype(factor, leaf.dtype), grads), norm
