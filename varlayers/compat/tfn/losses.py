"""The divergence of a network, as `tfp.experimental.nn.losses` has it."""

from typing import Any

from varlayers.compat.tfn.layer import Layer
from varlayers.types import Array

__all__ = [
    "compute_extra_loss",
    "kl_divergence_exact",
    "kl_divergence_monte_carlo",
]

# What a layer takes as its `divergence`.
kl_divergence_monte_carlo = "monte carlo"
kl_divergence_exact = None


def compute_extra_loss(layer: Layer) -> Array | float:
    """Return the sum of the divergences of all layers inside, in nats, unscaled.

    Each is the layer's `divergence`: by default of the sample of the latest call.
    Whatever nests the layers, they count. The gradient is the way back's, with
    `kl_weight`.
    """
    every: tuple[Any, ...] = (layer, *layer.submodules)
    total: Array | float = 0.0
    for part in every:
        if not getattr(part, "layers", ()):
            total = sum(part.losses, start=total)
    return total
