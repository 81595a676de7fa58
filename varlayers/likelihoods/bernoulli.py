"""Bernoulli likelihood: yes or no, from a logit.

    forward                                     backward, in one step
    l = softplus(−|z|)                          s = sigmoid(−|z|), the slope of l
    nll = l + (1 − t) z   where z > 0           dz = (1 − t) − s   where z > 0
        = l − t z         elsewhere                = s − t         elsewhere

which is softplus(z) − t z without its cancellation: at a logit of 40 and a target of 1
the value is 4e-18, not 0, and so is minus the gradient.

Shapes: outputs z (n, ...); targets t the same; nll (n,).
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

__all__ = ["Bernoulli"]


@dataclass(frozen=True)
class Bernoulli:
    """p(1) = sigmoid(outputs), independently for each element.

    Targets are 0 or 1 of any real or boolean dtype, shaped like outputs; for a number
    between, the nll is the cross-entropy.

    Raises:
        TypeError: by its methods, if outputs or targets are of another kind.
        ValueError: by its methods, if their shapes differ.
    """

    def init(self, like: Array | None = None) -> dict[str, Array]:
        return {}

    def nll(self, params: Params, outputs: Array, targets: Array) -> Array:
        k = check_outputs("Bernoulli", outputs)
        value, _ = _terms(k, outputs, targets)
        return sum_events(k, value)

    def value_and_grad(
        self, params: Params, outputs: Array, targets: Array
    ) -> tuple[Array, Array, dict[str, Array]]:
        k = check_outputs("Bernoulli", outputs)
        value, dz = _terms(k, outputs, targets)
        return k.xp.sum(value), dz, {}

    def mean(self, params: Params, outputs: Array) -> Array:
        """Return the probability of 1."""
        k = check_outputs("Bernoulli", outputs)
        return k.softplus(outputs)[1]

    def variance(self, params: Params, outputs: Array) -> Array:
        """Return p (1 − p)."""
        k = check_outputs("Bernoulli", outputs)
        _, s = k.softplus(-k.xp.abs(outputs))
        return s * (1 - s)

    def entropy(self, mean: Array) -> Array:
        """Return −Σ p log p + (1 − p) log(1 − p), shape (n,), with 0 log 0 = 0."""
        k = check_outputs("Bernoulli", mean)
        return sum_events(k, -xlogx(k, mean) - xlogx(k, 1 - mean))

    def sample(self, params: Params, outputs: Array, key: Source) -> Array:
        """Draw 0 or 1, with the shape and dtype of outputs."""
        k = check_outputs("Bernoulli", outputs)
        unit = k.uniform(key, tuple(outputs.shape), outputs)
        return k.xp.astype(unit < self.mean(params, outputs), outputs.dtype)


def _terms(k: Kernels, z: Array, targets: Array) -> tuple[Array, Array]:
    """Return nll and its gradient, per element."""
    xp = k.xp
    check_targets("Bernoulli", k, targets, (tuple(z.shape),), ("bool", *NUMBERS))
    t = xp.astype(targets, z.dtype)
    positive = z > 0
    value, s = k.softplus(xp.where(positive, -z, z))
    value = value + xp.where(positive, (1 - t) * z, -t * z)
    return value, xp.where(positive, (1 - t) - s, s - t)
