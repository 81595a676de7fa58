"""What a `HiddenLayer` is given: shapes that agree, and its prior."""

from typing import Any

from varlayers.checks import check_input
from varlayers.dispatch import kernels_for
from varlayers.priors import NormalPrior
from varlayers.types import Array, Shape

__all__ = ["check_weights", "normal_prior"]


def check_weights(X: Array, A_mean: Array, A_scale: Array) -> None:
    """Raise unless X is (..., D) and both others (D, H), of one floating dtype."""
    k = kernels_for(X)
    check_input("HiddenLayer", k, X, A_mean)
    shapes = {"A_mean": tuple(A_mean.shape), "A_scale": tuple(A_scale.shape)}
    for name, shape in shapes.items():
        if len(shape) != 2 or shape != shapes["A_mean"]:
            msg = (
                "HiddenLayer expected `A_mean` and `A_scale` of one shape (D, H), got "
                f"`{name}` of shape {shape} and `A_mean` of {shapes['A_mean']}. "
                "Broadcast a common scale first, for example by ones_like(A_mean)."
            )
            raise ValueError(msg)
    if len(X.shape) < 1 or X.shape[-1] != A_mean.shape[0]:
        msg = (
            f"HiddenLayer expected `X` of shape (..., {A_mean.shape[0]}), as `A_mean` "
            f"has {A_mean.shape[0]} rows, got {tuple(X.shape)}. A layer after one with "
            "`include_hidden_bias` needs a row more."
        )
        raise ValueError(msg)


def normal_prior(scale: Any, shape: Shape) -> NormalPrior:
    """Return N(0, scale²): a fixed number, or an array that gets a gradient."""
    if isinstance(scale, int | float):
        if not scale > 0:
            msg = f"HiddenLayer expected `A_prior_scale` > 0, got {scale}."
            raise ValueError(msg)
        return NormalPrior(scale=scale)
    own = tuple(scale.shape)
    fits = len(own) <= len(shape) and all(
        size in (1, wanted)
        for size, wanted in zip(own[::-1], shape[::-1], strict=False)
    )
    if not fits:
        msg = (
            f"HiddenLayer expected `A_prior_scale` that broadcasts to {shape}, "
            f"got shape {own}."
        )
        raise ValueError(msg)
    ones: Any = 1.0
    for size in own[::-1]:
        ones = [ones] * size
    return NormalPrior(scale=ones, trainable=("scale",))
