"""From the arguments of a layer of this face to those of a layer of varlayers."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from varlayers.activations import Elementwise
from varlayers.compat.callables import activation_of, tensor_of
from varlayers.compat.tfn import weights
from varlayers.estimators import LocalReparameterization
from varlayers.layers.activation import Activation
from varlayers.layers.bilinear import Bilinear
from varlayers.layers.sequential import Sequential
from varlayers.types import Layer, Shape

__all__ = [
    "Settings",
    "activated",
    "bilinear_settings",
    "settings_of",
    "value_of",
    "without_priors",
]


@dataclass(frozen=True)
class Settings:
    """The arguments that all variational layers share, with TFP's defaults.

    Args:
        kernel_initializer: of the kernel's location; None for Glorot's uniform.
        bias_initializer: of the bias's location; None for 0.
        make_posterior_fn: a posterior of varlayers for both weights, its name, or a
            function of (kernel_shape, bias_shape, kernel_initializer,
            bias_initializer, kernel_batch_ndims, bias_batch_ndims, dtype) that returns
            two: a pair, or a dict. Without one for the bias there is no bias.
        make_prior_fn: the same for the priors; a prior that is None means no
            divergence.
        posterior_value_fn: "sample", "mean", or a function of (d, seed) that returns
            d.sample() or d.mean(). The mean makes a layer deterministic.
        unpack_weights_fn: makes (kernel, bias) of what the functions return.
        activation_fn: a name or an `Elementwise` pair; None for none.
        divergence: "monte carlo", of one sample, as TFP's; None for the best there is,
            or what `vl.Dense` takes.
    """

    kernel_initializer: Any = None
    bias_initializer: Any = None
    make_posterior_fn: Any = weights.make_kernel_bias_posterior_mvn_diag
    make_prior_fn: Any = weights.make_kernel_bias_prior_spike_and_slab
    posterior_value_fn: Any = "sample"
    unpack_weights_fn: Any = weights.unpack_kernel_and_bias
    activation_fn: Any = None
    divergence: Any = "monte carlo"


def settings_of(owner: str, arguments: Mapping[str, Any]) -> Settings:
    """Return the settings of these names.

    Raises:
        TypeError: if a name is unknown.
    """
    known = [field.name for field in fields(Settings)]
    unknown = sorted(arguments.keys() - set(known))
    if unknown:
        msg = f"{owner} expected arguments it knows, {known} among them, got {unknown}."
        raise TypeError(msg)
    return Settings(**arguments)


def bilinear_settings(
    owner: str, given: Settings, kernel_shape: Shape, estimator: Any, dtype: str
) -> dict[str, Any]:
    """Return the settings of a bilinear layer.

    Raises:
        TypeError: if a part has no gradients.
        ValueError: if a name is unknown.
    """
    kernel_initializer = given.kernel_initializer or "glorot_uniform"
    bias_initializer = given.bias_initializer or "zeros"
    told = (
        *(kernel_shape, kernel_shape[-1:], kernel_initializer, bias_initializer),
        *(0, 0, dtype),
    )
    unpack = given.unpack_weights_fn
    posterior = weights.parts_of(
        owner, "posterior", given.make_posterior_fn, told, unpack
    )
    prior = weights.parts_of(owner, "prior", given.make_prior_fn, told, unpack)
    independent = getattr(posterior.bias, "independent", True)
    if isinstance(estimator, LocalReparameterization) and not independent:
        estimator = LocalReparameterization(bias="shared")
    return {
        "estimator": estimator,
        "posterior": posterior.kernel,
        "prior": prior.kernel,
        "bias": posterior.bias,
        "bias_prior": None if posterior.bias is None else prior.bias,
        "kernel_initializer": kernel_initializer,
        "bias_initializer": bias_initializer,
        "divergence": given.divergence,
    }


def activated(owner: str, layer: Bilinear, activation_fn: Any) -> Layer:
    """Return the layer with its activation."""
    if activation_fn is None:
        return layer
    pair: Elementwise = activation_of(owner, "activation_fn", activation_fn)
    named = activation_fn if isinstance(activation_fn, str) else pair
    return Sequential([layer, Activation(named)])


def value_of(owner: str, posterior_value_fn: Any) -> str:
    """Return "sample" or "mean".

    Raises:
        TypeError: if it is neither and no function that asks for one of them.
    """
    asked = posterior_value_fn
    if callable(posterior_value_fn):

        def asked(d: Any) -> Any:
            return posterior_value_fn(d, seed=None)

    return tensor_of(owner, "posterior_value_fn", asked)


def without_priors(*arguments: Any) -> tuple[None, None]:
    """Return no priors."""
    return None, None
