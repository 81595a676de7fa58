"""Which posterior fits which weight and estimator: refused when a layer is made."""

from collections.abc import Mapping

from varlayers.layers.weight import Weight
from varlayers.types import Estimator

__all__ = ["check_fit"]


def check_fit(owner: str, rule: Estimator, weights: Mapping[str, Weight]) -> None:
    """Raise where a posterior does not fit the shape of its weight or the estimator.

    Args:
        owner: the layer, for the messages.
        rule: its estimator.
        weights: `kernel` and, if the layer has one, `bias`.

    Raises:
        ValueError: with the reason and what to choose instead.
    """
    for weight in weights.values():
        weight.posterior.shapes(weight.shape)
    name, kernel = type(rule).__name__, weights["kernel"].random
    needed = None if kernel is None else rule.needs(kernel)
    if needed is not None:
        msg = (
            f"{owner} expected a `posterior` that its estimator can take, got "
            f"{type(kernel).__name__}: {name} needs {needed}. "
            'Choose the estimator "reparameterization".'
        )
        raise ValueError(msg)
    bias = weights["bias"].random if "bias" in weights else None
    normal = bias is None or (bias.independent and bias.normal_elements)
    if rule.joint_bias and not normal:
        msg = (
            f"{owner} expected a `bias` of independent normals, to join the variance "
            f"of {name}, got {type(bias).__name__}. "
            f'Choose the estimator {name}(bias="shared").'
        )
        raise ValueError(msg)
