"""Initializers of weight locations: variance scaling by fan-in and fan-out.

    glorot    variance 2 / (fan_in + fan_out)
    he        variance 2 / fan_in
    lecun     variance 1 / fan_in

each uniform on [-l, l], l = sqrt(3 variance), or normal truncated at two standard
deviations and rescaled, so that the truncated draw has that variance. The fans of a
kernel [*filter, in, out] are in * prod(filter) and out * prod(filter).

Reference: Glorot & Bengio (2010), "Understanding the difficulty of training deep
feedforward neural networks"; He, Zhang, Ren & Sun (2015), arXiv:1502.01852; LeCun,
Bottou, Orr & Müller (1998), "Efficient BackProp".
"""

import math
from dataclasses import dataclass

from varlayers.kernels import Kernels
from varlayers.random import Source
from varlayers.types import Array, Shape

__all__ = ["INITIALIZERS", "VarianceScaling", "Zeros", "fans_of"]

# Standard deviation of N(0, 1) truncated to [-2, 2], and its mass below -2:
# sqrt(1 - 4 φ(2) / (2 Φ(2) - 1)) and Φ(-2).
_TRUNCATED_STD = 0.87962566103423978
_TAIL = 0.022750131948179207

_MODES = ("fan_in", "fan_out", "fan_avg")
_DISTRIBUTIONS = ("uniform", "truncated_normal")


def fans_of(kernel_shape: Shape, groups: int = 1) -> tuple[int, int]:
    """Return (fan_in, fan_out) of a kernel [*filter, in / groups, out].

    Args:
        kernel_shape: at least two axes.
        groups: into how many the channels are divided.
    """
    *window, fan_in, fan_out = kernel_shape
    size = math.prod(window)
    return fan_in * size, fan_out * size // groups


@dataclass(frozen=True)
class VarianceScaling:
    """Zero mean, variance factor / fan.

    Args:
        factor: > 0.
        mode: "fan_in", "fan_out" or "fan_avg", their mean.
        distribution: "uniform" or "truncated_normal".

    Raises:
        ValueError: if an argument is none of these.
    """

    factor: float
    mode: str
    distribution: str

    def __post_init__(self) -> None:
        if not self.factor > 0:
            msg = f"VarianceScaling expected `factor` > 0, got {self.factor}."
            raise ValueError(msg)
        if self.mode not in _MODES:
            msg = f"VarianceScaling expected `mode` in {_MODES}, got {self.mode!r}."
            raise ValueError(msg)
        if self.distribution not in _DISTRIBUTIONS:
            msg = (
                f"VarianceScaling expected `distribution` in {_DISTRIBUTIONS}, "
                f"got {self.distribution!r}."
            )
            raise ValueError(msg)

    def __call__(
        self, k: Kernels, key: Source, shape: Shape, like: Array, fans: tuple[int, int]
    ) -> Array:
        fan_in, fan_out = fans
        fan = {
            "fan_in": fan_in,
            "fan_out": fan_out,
            "fan_avg": (fan_in + fan_out) / 2,
        }[self.mode]
        scale = math.sqrt(self.factor / max(fan, 1))
        unit = k.uniform(key, shape, like)
        if self.distribution == "uniform":
            return (2 * unit - 1) * (math.sqrt(3) * scale)
        quantile = _TAIL + (1 - 2 * _TAIL) * unit
        return k.ndtri(quantile) * (scale / _TRUNCATED_STD)


@dataclass(frozen=True)
class Zeros:
    """Zero everywhere."""

    def __call__(
        self, k: Kernels, key: Source, shape: Shape, like: Array, fans: tuple[int, int]
    ) -> Array:
        return k.xp.zeros(shape, dtype=like.dtype, device=k.device(like))


INITIALIZERS = {
    f"{name}_{'normal' if distribution == 'truncated_normal' else distribution}": (
        VarianceScaling(factor, mode, distribution)
    )
    for name, factor, mode in (
        ("glorot", 1.0, "fan_avg"),
        ("he", 2.0, "fan_in"),
        ("lecun", 1.0, "fan_in"),
    )
    for distribution in _DISTRIBUTIONS
} | {"zeros": Zeros()}
