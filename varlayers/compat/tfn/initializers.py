"""The initializers of `tfp.experimental.nn`, by their names there.

Each returns an initializer of varlayers. Its draws follow the key of the layer.
"""

from varlayers.initializers import INITIALIZERS
from varlayers.types import Initializer

__all__ = ["glorot_normal", "glorot_uniform", "he_normal", "he_uniform"]


def glorot_uniform() -> Initializer:
    """Return U(-l, l) of variance 2 / (fan_in + fan_out)."""
    return INITIALIZERS["glorot_uniform"]


def glorot_normal() -> Initializer:
    """Return a normal cut at two standard deviations, of the same variance."""
    return INITIALIZERS["glorot_normal"]


def he_uniform() -> Initializer:
    """Return U(-l, l) of variance 2 / fan_in."""
    return INITIALIZERS["he_uniform"]


def he_normal() -> Initializer:
    """Return a normal cut at two standard deviations, of variance 2 / fan_in."""
    return INITIALIZERS["he_normal"]
