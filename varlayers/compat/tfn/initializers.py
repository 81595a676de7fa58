"""The initializers of `tfp.experimental.nn`, by their names there.

Each returns an initializer of varlayers. Its draws follow the key of the layer, or, if
it is given one, the seed alone: then two layers of one shape start alike.
"""

from dataclasses import dataclass

from varlayers.initializers import INITIALIZERS
from varlayers.kernels import Kernels
from varlayers.random import Source
from varlayers.random import key as make_key
from varlayers.serialization import register_class
from varlayers.types import Array, Initializer, Shape

__all__ = ["Seeded", "glorot_normal", "glorot_uniform", "he_normal", "he_uniform"]


@register_class
@dataclass(frozen=True)
class Seeded:
    """An initializer of varlayers, by its name, with a seed of its own."""

    name: str
    seed: int

    def __call__(
        self, k: Kernels, key: Source, shape: Shape, like: Array, fans: tuple[int, int]
    ) -> Array:
        return INITIALIZERS[self.name](k, make_key(self.seed), shape, like, fans)


def glorot_uniform(seed: int | None = None) -> Initializer:
    """Return U(-l, l) of variance 2 / (fan_in + fan_out)."""
    return _made("glorot_uniform", seed)


def glorot_normal(seed: int | None = None) -> Initializer:
    """Return a normal cut at two standard deviations, of the same variance."""
    return _made("glorot_normal", seed)


def he_uniform(seed: int | None = None) -> Initializer:
    """Return U(-l, l) of variance 2 / fan_in."""
    return _made("he_uniform", seed)


def he_normal(seed: int | None = None) -> Initializer:
    """Return a normal cut at two standard deviations, of variance 2 / fan_in."""
    return _made("he_normal", seed)


def _made(name: str, seed: int | None) -> Initializer:
    return INITIALIZERS[name] if seed is None else Seeded(name, seed)
