"""What `tfp.experimental.nn` believes of kernel and bias, in the parts of varlayers.

posterior    N(loc, scale²), scale = softplus(raw) + 1e-5, at first 1e-3
prior        0.5 N(0, 1) + 0.5 N(0, 2000²), for kernel and bias
locations    Glorot's uniform for the kernel, 0 for the bias
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from varlayers.checks import lookup
from varlayers.posteriors import POSTERIORS, MeanFieldNormal, Point
from varlayers.priors import PRIORS, ScaleMixturePrior
from varlayers.types import Shape

__all__ = [
    "KernelBias",
    "make_kernel_bias",
    "make_kernel_bias_posterior_mvn_diag",
    "make_kernel_bias_prior_spike_and_slab",
    "parts_of",
    "unpack_kernel_and_bias",
]


class KernelBias(NamedTuple):
    """One thing of the kernel and one of the bias, None without a bias."""

    kernel: Any
    bias: Any


def make_kernel_bias(
    kernel_shape: Shape, bias_shape: Shape, *others: Any, **more: Any
) -> KernelBias:
    """Return points for both: weights without uncertainty."""
    return KernelBias(Point(), Point())


def make_kernel_bias_posterior_mvn_diag(
    kernel_shape: Shape, bias_shape: Shape, *others: Any, **more: Any
) -> KernelBias:
    """Return independent normals for both, of first scale 1e-3.

    Args:
        kernel_shape: (*filter, in, out).
        bias_shape: (out,).
        others: initializers, numbers of batch axes and dtype. The layer sees to them.
        more: the same by name.
    """
    fan_in = max(math.prod(kernel_shape[:-1]), 1)
    normal = MeanFieldNormal(initial_scale=1e-3 * math.sqrt(fan_in), shift=1e-5)
    return KernelBias(normal, normal)


def make_kernel_bias_prior_spike_and_slab(
    kernel_shape: Shape, bias_shape: Shape, *others: Any, **more: Any
) -> KernelBias:
    """Return 0.5 N(0, 1) + 0.5 N(0, 2000²) for both."""
    prior = ScaleMixturePrior(scales=(1.0, 2000.0), probabilities=(0.5, 0.5))
    return KernelBias(prior, prior)


def unpack_kernel_and_bias(weights: Any) -> KernelBias:
    """Return kernel and bias of a dict of them, a pair, or a sequence of one.

    Raises:
        ValueError: if it is longer.
    """
    if isinstance(weights, Mapping):
        return KernelBias(weights.get("kernel"), weights.get("bias"))
    if len(weights) not in (1, 2):
        msg = (
            "unpack_kernel_and_bias expected a kernel and perhaps a bias, got "
            f"{len(weights)} weights. Pass an `unpack_weights_fn` that picks the two."
        )
        raise ValueError(msg)
    return KernelBias(*weights, *[None] * (2 - len(weights)))


def parts_of(
    owner: str,
    kind: str,
    make: Any,
    arguments: tuple[Any, ...],
    unpack: Callable[[Any], Any],
) -> KernelBias:
    """Return the posteriors or priors that a function makes, checked.

    Args:
        owner: the layer, for the messages.
        kind: "posterior" or "prior".
        make: a function of the arguments, one part for both weights, or its name.
        arguments: kernel_shape, bias_shape, both initializers, both numbers of batch
            axes, and the dtype.
        unpack: makes (kernel, bias) of what `make` returns.

    Raises:
        TypeError: if a part is none of varlayers.
        ValueError: if a name is unknown.
    """
    tables: dict[str, Mapping[str, Any]] = {"posterior": POSTERIORS, "prior": PRIORS}
    table = tables[kind]
    has = {"posterior": "constrain", "prior": "shapes"}[kind]
    argument = f"make_{kind}_fn"
    made = lookup(owner, argument, make, table)
    if hasattr(made, has):
        return KernelBias(made, made)
    if callable(made):
        made = made(*arguments)
        found = [made, made] if hasattr(made, has) else list(unpack(made))
        found = [lookup(owner, argument, part, table) for part in found]
        kernel_is = hasattr(found[0], has) or (kind == "prior" and found[0] is None)
        if kernel_is and (found[1] is None or hasattr(found[1], has)):
            return KernelBias(*found)
    msg = (
        f"{owner} expected `{argument}` to be a {kind} of varlayers, or a function of "
        "(kernel_shape, bias_shape, …) that returns one for the kernel and one for the "
        f"bias, got {made!r}. A {kind} knows its gradients: choose one of "
        f"{sorted(table)}, or write one, as in docs/how-to/extend.md."
    )
    raise TypeError(msg)
