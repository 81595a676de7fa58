"""Normal likelihood: t ~ N(m, s²), with the scale s fixed; and what its kinds share.

    forward                               backward, read from the bottom up
    m, s = split(params, outputs)         join(dm, ds)
    r = (t − m) / s                       dm = −r / s,   ds = (1 − r²) / s
    nll = r² / 2 + log s + log(2π) / 2

The kinds differ in where the scale comes from, so only in `split` and `join`.

Shapes: m and targets t (n, ...), s broadcasts to them; nll (n,).
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from varlayers.kernels import Kernels
from varlayers.likelihoods.events import (
    NUMBERS,
    check_outputs,
    check_targets,
    sum_events,
)
from varlayers.random import Source
from varlayers.types import Array, Params, Saved, Shape

__all__ = ["Normal", "NormalKind", "check_event"]

_HALF_LOG_TWO_PI = math.log(2 * math.pi) / 2


@dataclass(frozen=True)
class NormalKind(ABC):
    """A normal likelihood, but for the source of its scale.

    Targets are numbers of any real dtype, shaped like the mean.

    Raises:
        TypeError: by its methods, if outputs or targets are of another kind.
        ValueError: by its methods, if their shapes do not fit.
    """

    @abstractmethod
    def init(self, like: Array | None = None) -> dict[str, Array]:
        """Return the initial parameters."""

    @abstractmethod
    def split(self, k: Kernels, params: Params, outputs: Array) -> Saved:
        """Return (mean, scale, slope); slope is of the scale by what it comes from."""

    @abstractmethod
    def join(
        self, k: Kernels, dm: Array, ds: Array, slope: Array
    ) -> tuple[Array, dict[str, Array]]:
        """Return the gradients by outputs and parameters from those by m and s."""

    def nll(self, params: Params, outputs: Array, targets: Array) -> Array:
        k, m, s, _ = self._parts(params, outputs)
        return sum_events(k, _value(k, _residual(self, k, m, s, targets), s))

    def value_and_grad(
        self, params: Params, outputs: Array, targets: Array
    ) -> tuple[Array, Array, dict[str, Array]]:
        k, m, s, slope = self._parts(params, outputs)
        r = _residual(self, k, m, s, targets)
        d_outputs, dparams = self.join(k, -r / s, (1 - r * r) / s, slope)
        return k.xp.sum(_value(k, r, s)), d_outputs, dparams

    def mean(self, params: Params, outputs: Array) -> Array:
        return self._parts(params, outputs)[1]

    def variance(self, params: Params, outputs: Array) -> Array:
        """Return s², shaped like the mean."""
        k, m, s, _ = self._parts(params, outputs)
        return k.xp.zeros_like(m) + s * s

    def sample(self, params: Params, outputs: Array, key: Source) -> Array:
        """Draw m + s ε, shaped like the mean."""
        k, m, s, _ = self._parts(params, outputs)
        return m + s * k.normal(key, tuple(m.shape), m)

    def _parts(self, params: Params, outputs: Array) -> tuple[Kernels, Any, Any, Any]:
        k = check_outputs(type(self).__name__, outputs)
        m, s, slope = self.split(k, params, outputs)
        return k, m, s, slope


@dataclass(frozen=True)
class Normal(NormalKind):
    """Outputs are the mean; the scale is fixed. No parameters.

    Args:
        scale: the standard deviation, > 0; a number, or one for each channel of the
            last axis.

    Raises:
        ValueError: if a scale is not positive, or there are too many or too few.
    """

    scale: Any = 1.0

    def __post_init__(self) -> None:
        scale = np.asarray(self.scale, dtype=np.float64)
        if scale.ndim > 1 or not np.all(scale > 0):
            msg = (
                "Normal expected `scale` > 0, a number or one per channel, "
                f"got {self.scale}."
            )
            raise ValueError(msg)
        value = tuple(scale.tolist()) if scale.ndim else float(scale)
        object.__setattr__(self, "scale", value)

    def init(self, like: Array | None = None) -> dict[str, Array]:
        return {}

    def split(self, k: Kernels, params: Params, outputs: Array) -> Saved:
        check_event("Normal", "scale", np.shape(self.scale), outputs)
        return outputs, k.asarray(self.scale, outputs), None

    def join(
        self, k: Kernels, dm: Array, ds: Array, slope: Array
    ) -> tuple[Array, dict[str, Array]]:
        return dm, {}


def check_event(owner: str, argument: str, shape: Shape, outputs: Array) -> None:
    """Raise unless `shape` is () or the last axes of the outputs, without axis 0."""
    axes = tuple(outputs.shape)[1:]
    if tuple(shape) != axes[len(axes) - len(shape) :]:
        msg = (
            f"{owner} expected `{argument}` of shape () or the last axes of {axes}, "
            f"got {tuple(shape)}."
        )
        raise ValueError(msg)


def _residual(
    kind: NormalKind, k: Kernels, m: Array, s: Array, targets: Array
) -> Array:
    check_targets(type(kind).__name__, k, targets, (tuple(m.shape),), NUMBERS)
    return (k.xp.astype(targets, m.dtype) - m) / s


def _value(k: Kernels, r: Array, s: Array) -> Array:
    return 0.5 * r * r + (k.xp.log(s) + _HALF_LOG_TWO_PI)
