"""Helpers of a training script: parts of a chain, a schedule, an optimizer's step.

halflife_decay    final + (initial - final) 0.5^(t / half-life)
make_fit_op       params = the optimizer's update of them by the gradients
"""

from collections.abc import Callable, Sequence
from typing import Any

from varlayers.compat.tfn.shapes import ExpandDims, FlattenRightmost, Trace
from varlayers.types import Optimizer, Shape

__all__ = [
    "expand_dims",
    "flatten_rightmost",
    "halflife_decay",
    "make_fit_op",
    "trace",
]


def flatten_rightmost(ndims: int = 3) -> FlattenRightmost:
    """Return a layer that makes the last `ndims` axes one."""
    return FlattenRightmost(ndims)


def expand_dims(axis: int | Shape, name: str | None = None) -> ExpandDims:
    """Return a layer that inserts axes of length 1 at these places of the result.

    Args:
        axis: one place or several, counted from the end where negative.
        name: accepted.
    """
    return ExpandDims(axis if isinstance(axis, int) else tuple(axis))


def trace(name: str | None = None) -> Trace:
    """Return a layer that prints the shape and dtype of what passes, and the name."""
    return Trace(name)


def halflife_decay(
    time_step: Any,
    half_life: Any,
    initial: Any,
    final: Any = 0.0,
    dtype: Any = None,
    name: str | None = None,
) -> Any:
    """Return final + (initial - final) 0.5^(time_step / half_life).

    Args:
        time_step: steps so far; a number, or an array.
        half_life: steps after which half of the way is done, > 0.
        initial: the value at step 0.
        final: the value in the end.
        dtype: accepted; that of the others decides.
        name: accepted.
    """
    return final + (initial - final) * 0.5 ** (time_step / half_life)


def make_fit_op(
    loss_fn: Callable[..., tuple[Any, Any, Any]],
    optimizer: Optimizer | Sequence[Optimizer],
    trainable_variables: Any,
    grad_summary_fn: Callable[[Any], Any] | None = None,
    tf_function: bool = True,
    xla_compile: bool = True,
) -> Callable[..., tuple[Any, ...]]:
    """Return a function that takes one step of an optimizer.

    Args:
        loss_fn: returns the loss, anything else, and the gradients: what the way back
            of the layer returns second, or a list of them, one for each layer.
        optimizer: of varlayers, `vl.Adam(1e-3)` for instance; or several.
        trainable_variables: the layer whose parameters are trained; or several, one
            for each optimizer.
        grad_summary_fn: of the gradients; what it returns is returned third.
        tf_function: accepted; nothing is compiled.
        xla_compile: accepted, likewise.

    Returns:
        A function of what `loss_fn` takes, which returns the loss and what came second.
    """
    many = isinstance(optimizer, Sequence)
    optimizers: Sequence[Any] = optimizer if many else [optimizer]  # type: ignore[assignment]
    layers = trainable_variables if many else [trainable_variables]
    states: list[Any] = [None] * len(optimizers)

    def fit_op(*arguments: Any, **named: Any) -> tuple[Any, ...]:
        loss, other, grads = loss_fn(*arguments, **named)
        every = zip(optimizers, layers, grads if many else [grads], strict=True)
        for index, (rule, layer, own) in enumerate(every):
            state = states[index] or rule.init(layer.params)
            layer.params, states[index] = rule.update(own, state, layer.params)
        if grad_summary_fn is None:
            return loss, other
        return loss, other, grad_summary_fn(grads)

    return fit_op
