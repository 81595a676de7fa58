"""Optimizers (optax-style init and update) and schedules, one file each."""

from varlayers.optimizers.adam import Adam, AdamW
from varlayers.optimizers.clipping import Clip, clip_by_global_norm
from varlayers.optimizers.frozen import Frozen
from varlayers.optimizers.masked import Masked
from varlayers.optimizers.schedules import (
    Constant,
    Cosine,
    Exponential,
    Linear,
    WarmUp,
    value_at,
)
from varlayers.optimizers.sgd import SGD
from varlayers.types import Optimizer

__all__ = [
    "OPTIMIZERS",
    "SGD",
    "Adam",
    "AdamW",
    "Clip",
    "Constant",
    "Cosine",
    "Exponential",
    "Frozen",
    "Linear",
    "Masked",
    "WarmUp",
    "clip_by_global_norm",
    "value_at",
]

OPTIMIZERS: dict[str, Optimizer] = {
    "sgd": SGD(1e-2),
    "adam": Adam(),
    "adamw": AdamW(),
}
