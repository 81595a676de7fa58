"""Categorical likelihood: one of c classes, from logits.

Targets are class indices, or rows t of c probabilities; an index stands for the row
with a one at its place.

    forward                  backward, read from the bottom up
    l = z − log Σ exp z      dz = exp(l) Σ dl′ − dl′,   dl′ = −dl = t
    nll = −Σ t ∘ l           dl = −t

where 0 · (−∞) counts as 0, so the logit of an impossible class may be −∞. The gradient
holds for any t >= 0, normalized or not: a row of zeros leaves its example out, a
weighted row weighs it. An index outside 0 … c − 1 gives NaN, in value and gradient.

Shapes: outputs z (n, ..., c); targets (n, ...), integers, or (n, ..., c); nll (n,),
summed over any axes between.

Samples are the largest of the logits plus Gumbel noise, −log(−log u).

Reference: Maddison, Tarlow & Minka (2014), "A* sampling", arXiv:1411.0030, for sampling
by Gumbel noise.
"""

from dataclasses import dataclass

from varlayers.kernels import Kernels
from varlayers.likelihoods.events import (
    NUMBERS,
    check_outputs,
    check_targets,
    sum_events,
    xlogx,
)
from varlayers.random import Source
from varlayers.types import Array, Params

__all__ = ["Categorical"]


@dataclass(frozen=True)
class Categorical:
    """p(class) = softmax(outputs).

    Targets are class indices of any integer dtype, shape (n, ...), or one-hot or
    probability rows of any real dtype, shape (n, ..., c).

    Raises:
        TypeError: by its methods, if outputs or targets are of another kind.
        ValueError: by its methods, if their shapes do not fit.
    """

    def init(self, like: Array | None = None) -> dict[str, Array]:
        return {}

    def nll(self, params: Params, outputs: Array, targets: Array) -> Array:
        k = _kernels(outputs)
        value, _ = k.cross_entropy(outputs, _rows(k, outputs, targets))
        return sum_events(k, value)

    def value_and_grad(
        self, params: Params, outputs: Array, targets: Array
    ) -> tuple[Array, Array, dict[str, Array]]:
        k = _kernels(outputs)
        value, dz = k.cross_entropy(outputs, _rows(k, outputs, targets))
        return k.xp.sum(value), dz, {}

    def mean(self, params: Params, outputs: Array) -> Array:
        """Return the probability of each class, shaped like outputs."""
        k = _kernels(outputs)
        return k.xp.exp(k.log_softmax(outputs))

    def variance(self, params: Params, outputs: Array) -> Array:
        """Return p (1 − p) of each class, shaped like outputs."""
        p = self.mean(params, outputs)
        return p * (1 - p)

    def entropy(self, mean: Array) -> Array:
        """Return −Σ p log p of class probabilities, shape (n,), with 0 log 0 = 0."""
        k = _kernels(mean)
        return sum_events(k, -xlogx(k, mean))

    def sample(self, params: Params, outputs: Array, key: Source) -> Array:
        """Draw class indices, shape (n, ...)."""
        k = _kernels(outputs)
        unit = k.xp.clip(k.uniform(key, tuple(outputs.shape), outputs), 2.0**-25, None)
        return k.xp.argmax(outputs - k.xp.log(-k.xp.log(unit)), axis=-1)


def _kernels(outputs: Array) -> Kernels:
    return check_outputs("Categorical", outputs, channels=True)


def _rows(k: Kernels, outputs: Array, targets: Array) -> Array:
    """Return targets as rows, shaped like outputs."""
    shape = tuple(outputs.shape)
    check_targets("Categorical", k, targets, (shape[:-1], shape), ("bool", *NUMBERS))
    if targets.ndim == outputs.ndim:
        return k.xp.astype(targets, outputs.dtype)
    if not k.xp.isdtype(targets.dtype, "integral"):
        msg = (
            "Categorical expected class indices `targets` of an integer dtype, "
            f"got {targets.dtype}. Rows of probabilities have shape {shape}."
        )
        raise TypeError(msg)
    return _one_hot(k, outputs, targets)


def _one_hot(k: Kernels, outputs: Array, index: Array) -> Array:
    xp = k.xp
    classes = xp.arange(outputs.shape[-1], device=k.device(outputs))
    index = xp.astype(index, classes.dtype)[..., None]
    rows = xp.astype(index == classes, outputs.dtype)
    inside = (index >= 0) & (index < outputs.shape[-1])
    return xp.where(inside, rows, xp.full_like(rows, float("nan")))
