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

_OWN = "each layer's own"


def __getattr__(name: str) -> Any:
    msg = f"tfn.losses has no {name!r}."
    if name == "negloglik":
        msg += " Use a likelihood, which has the gradient too: vl.Categorical(), …."
    raise AttributeError(msg)


def compute_extra_loss(layer: Layer, loss_fn: Any = _OWN) -> Array | float:
    """Return the sum of the divergences of all layers inside, in nats, unscaled.

    Each is the layer's `divergence`: by default of the sample of the latest call.
    Whatever nests the layers, they count. The gradient is the way back's, with
    `kl_weight`.

    Args:
        layer: any layer of this face.
        loss_fn: if it is given, the divergence that all layers must have.

    Raises:
        ValueError: if a layer has another divergence than `loss_fn`.
    """
    every: tuple[Any, ...] = (layer, *layer.submodules)
    total: Array | float = 0.0
    for part in every:
        if not getattr(part, "layers", ()):
            _check(part, loss_fn)
            total = sum(part.losses, start=total)
    return total


def _check(layer: Any, loss_fn: Any) -> None:
    own = getattr(getattr(layer, "settings", None), "divergence", loss_fn)
    if loss_fn not in (_OWN, own) and layer.losses:
        msg = (
            f"compute_extra_loss expected `loss_fn` {own!r}, as {layer.name} has, got "
            f"{loss_fn!r}. Its gradient must be the same: make the layer with "
            "`divergence` and the other."
        )
        raise ValueError(msg)
