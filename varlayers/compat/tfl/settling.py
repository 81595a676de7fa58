"""From the functions that a layer is given to the settings of a layer of varlayers."""

from dataclasses import dataclass, fields
from typing import Any

from varlayers.compat.callables import activation_of
from varlayers.compat.tfl import functions
from varlayers.compat.tfl.functions import ScaledKL, Weight
from varlayers.layers.activation import Activation
from varlayers.types import Initializer

__all__ = ["WeightFunctions", "activation_layer", "configured", "settle"]

_NORMAL = functions.default_mean_field_normal_fn()
_POINT = functions.default_mean_field_normal_fn(is_singular=True)
_KERAS_NAMES = {"swish": "silu"}


@dataclass(frozen=True)
class WeightFunctions:
    """What is believed of kernel and bias: the arguments that all layers share.

    Args:
        kernel_posterior_fn: a posterior of varlayers, its name, or a function of
            (dtype, shape, name, trainable, add_variable_fn) that returns one.
        kernel_posterior_tensor_fn: "sample", "mean", or a function that returns
            d.sample() or d.mean().
        kernel_prior_fn: the same for the prior; None for no divergence.
        kernel_divergence_fn: a function of (q, p, sample) that returns
            `tfl.kl_divergence(q, p)`, times or by a number; a divergence of varlayers
            or its name; None for none.
        bias_posterior_fn: as for the kernel; None for no bias.
        bias_posterior_tensor_fn: as for the kernel.
        bias_prior_fn: as for the kernel.
        bias_divergence_fn: as for the kernel, and the same if both have priors.
    """

    kernel_posterior_fn: Any = _NORMAL
    kernel_posterior_tensor_fn: Any = "sample"
    kernel_prior_fn: Any = functions.default_multivariate_normal_fn
    kernel_divergence_fn: Any = functions.exact_kl
    bias_posterior_fn: Any = _POINT
    bias_posterior_tensor_fn: Any = "sample"
    bias_prior_fn: Any = None
    bias_divergence_fn: Any = functions.exact_kl


def activation_layer(owner: str, activation: Any) -> Activation | None:
    """Return the activation as a layer; None for None and "linear"."""
    if activation in (None, "linear"):
        return None
    if isinstance(activation, str):
        activation = _KERAS_NAMES.get(activation, activation)
    pair = activation_of(owner, "activation", activation)
    return Activation(activation if isinstance(activation, str) else pair)


def settle(
    owner: str, given: WeightFunctions, dtype: str, trainable: bool
) -> tuple[dict[str, Any], dict[str, Initializer]]:
    """Return the settings of a bilinear layer, and the initializers of raw scales.

    Raises:
        TypeError: if a function stands for nothing that has gradients.
        ValueError: if kernel and bias have priors and different divergences.
    """
    settings: dict[str, Any] = {}
    raw_scales: dict[str, Initializer] = {}
    used: list[ScaledKL] = []
    names = {"kernel": ("posterior", "prior"), "bias": ("bias", "bias_prior")}
    for name, (posterior, prior) in names.items():
        told = Weight(dtype, None, name, trainable)
        argument = f"{name}_posterior_fn"
        choice = functions.posterior_of(owner, argument, getattr(given, argument), told)
        settings[posterior] = None if choice is None else choice.posterior
        if choice is not None:
            settings[f"{name}_initializer"] = choice.loc
            if choice.raw_scale is not None:
                raw_scales[name] = choice.raw_scale
        argument = f"{name}_prior_fn"
        belief = functions.prior_of(owner, argument, getattr(given, argument), told)
        argument = f"{name}_divergence_fn"
        found = functions.divergence_of(owner, argument, getattr(given, argument))
        compared = None not in (choice, belief, found)
        settings[prior] = belief if compared else None
        used += [found] if compared and found is not None else []
    if settings["posterior"] is None:
        msg = (
            f"{owner} expected `kernel_posterior_fn` to be a posterior, got None. For "
            'weights without uncertainty pass "point".'
        )
        raise TypeError(msg)
    if len(set(used)) > 1:
        msg = (
            f"{owner} expected one divergence for kernel and bias, got {used}. Pass "
            "the same function for both."
        )
        raise ValueError(msg)
    for divergence in used[:1]:
        settings["divergence"] = divergence.divergence
        settings["divergence_weight"] = divergence.factor
    return settings, raw_scales


def configured(owner: str, given: WeightFunctions) -> dict[str, Any]:
    """Return the arguments with objects in the place of known functions."""
    found = {f.name: getattr(given, f.name) for f in fields(given)}
    for name in ("kernel", "bias"):
        argument = f"{name}_divergence_fn"
        found[argument] = functions.divergence_of(owner, argument, found[argument])
        if found[f"{name}_prior_fn"] is functions.default_multivariate_normal_fn:
            found[f"{name}_prior_fn"] = functions.default_multivariate_normal_fn()
    return found
