"""Poisson likelihood: counts, from the logarithm of their rate.

    forward                              backward
    nll = exp(z) − t z + log Γ(t + 1)    dz = exp(z) − t

A log rate beyond 709 (88 in float32) overflows to infinity.

Shapes: outputs z (n, ...); targets t the same; nll (n,).
"""

from dataclasses import dataclass

import numpy as np

from varlayers.kernels import Kernels
from varlayers.likelihoods.events import (
    NUMBERS,
    check_outputs,
    check_targets,
    sum_events,
)
from varlayers.random import Source
from varlayers.types import Array, Params

__all__ = ["Poisson"]


@dataclass(frozen=True)
class Poisson:
    """Counts with rate exp(outputs), independently for each element.

    Targets are counts 0, 1, 2, … of any real dtype, shaped like outputs.

    Raises:
        TypeError: by its methods, if outputs or targets are of another kind.
        ValueError: by its methods, if their shapes differ.
    """

    def init(self, like: Array | None = None) -> dict[str, Array]:
        return {}

    def nll(self, params: Params, outputs: Array, targets: Array) -> Array:
        k = check_outputs("Poisson", outputs)
        value, _ = _terms(k, outputs, targets)
        return sum_events(k, value)

    def value_and_grad(
        self, params: Params, outputs: Array, targets: Array
    ) -> tuple[Array, Array, dict[str, Array]]:
        k = check_outputs("Poisson", outputs)
        value, dz = _terms(k, outputs, targets)
        return k.xp.sum(value), dz, {}

    def mean(self, params: Params, outputs: Array) -> Array:
        """Return the rate."""
        return check_outputs("Poisson", outputs).xp.exp(outputs)

    def variance(self, params: Params, outputs: Array) -> Array:
        """Return the rate."""
        return self.mean(params, outputs)

    def sample(self, params: Params, outputs: Array, key: Source) -> Array:
        """Draw counts, with the shape and dtype of outputs.

        By the inverse of the distribution function in float64 on the host, at the
        midpoints of 2**24 intervals: counts come back to the device of the outputs,
        those rarer than 2**-25 do not occur, and it cannot run inside `jax.jit`.
        """
        from scipy.stats import poisson

        k = check_outputs("Poisson", outputs)
        unit = k.to_numpy(k.uniform(key, tuple(outputs.shape), outputs))
        rate = np.exp(k.to_numpy(outputs).astype(np.float64))
        return k.asarray(poisson.ppf(unit.astype(np.float64) + 2.0**-25, rate), outputs)


def _terms(k: Kernels, z: Array, targets: Array) -> tuple[Array, Array]:
    """Return nll and its gradient, per element."""
    check_targets("Poisson", k, targets, (tuple(z.shape),), NUMBERS)
    t = k.xp.astype(targets, z.dtype)
    rate = k.xp.exp(z)
    return rate - t * z + k.gammaln(t + 1), rate - t
