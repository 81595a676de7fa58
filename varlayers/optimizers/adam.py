"""Adam and AdamW: steps scaled by running moments of the gradient.

    m = beta1 m + (1 - beta1) grad           m̂ = m / (1 - beta1^step)
    v = beta2 v + (1 - beta2) grad²          v̂ = v / (1 - beta2^step)
    param = (1 - rate weight_decay) param - rate m̂ / (√v̂ + eps)

where step is 1 at the first update. Adam is the case weight_decay = 0.

Shapes: those of the parameters.

Reference: Kingma & Ba (2015), arXiv:1412.6980; Loshchilov & Hutter (2019),
"Decoupled weight decay regularization", arXiv:1711.05101.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from varlayers.dispatch import kernels_for
from varlayers.optimizers.leafwise import (
    check_update,
    rate_like,
    update_leaves,
    zeros_like,
)
from varlayers.optimizers.ranges import NONNEGATIVE, POSITIVE, UNIT, set_numbers
from varlayers.optimizers.schedules import value_at
from varlayers.precision import is_half
from varlayers.tree import items
from varlayers.types import Array, Params, Schedule

__all__ = ["Adam", "AdamW"]


@dataclass(frozen=True)
class Adam:
    """Adam.

    State: {"step": updates done, "m": like params, "v": like params}. Params and state
    are donated: `update` may overwrite their arrays, so use those that it returns.
    Gradients are left as they are.

    Args:
        learning_rate: >= 0, or a schedule of it.
        beta1: decay of the first moment, in [0, 1).
        beta2: decay of the second moment, in [0, 1).
        eps: > 0; added to the root of the second moment.

    Raises:
        TypeError: if an argument is no number.
        ValueError: if a number is out of range.
    """

    learning_rate: float | Schedule = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8

    def __post_init__(self) -> None:
        set_numbers(self, scheduled="learning_rate", **_RANGES)

    def init(self, params: Params) -> dict[str, Any]:
        """Return the state before the first step.

        Raises:
            TypeError: if a parameter has 16 bits, which hold no second moments.
        """
        return _init(self, params)

    def update(
        self, grads: Params, state: Mapping[str, Any], params: Params
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the next parameters and state.

        Raises:
            TypeError: if a dtype of grads or state differs from that of params.
            ValueError: if a name or shape does.
        """
        return _update(self, 0.0, grads, state, params)


@dataclass(frozen=True)
class AdamW:
    """Adam with decoupled weight decay.

    State: {"step": updates done, "m": like params, "v": like params}. Params and state
    are donated: `update` may overwrite their arrays, so use those that it returns.
    Gradients are left as they are.

    Args:
        learning_rate: >= 0, or a schedule of it.
        beta1: decay of the first moment, in [0, 1).
        beta2: decay of the second moment, in [0, 1).
        eps: > 0; added to the root of the second moment.
        weight_decay: >= 0; what a step takes off a parameter, as a multiple of it and
            of the learning rate. It reaches every parameter, rho included: where
            weights have a prior, prefer Adam.

    Raises:
        TypeError: if an argument is no number.
        ValueError: if a number is out of range.
    """

    learning_rate: float | Schedule = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: float = 1e-2

    def __post_init__(self) -> None:
        ranges = {**_RANGES, "weight_decay": NONNEGATIVE}
        set_numbers(self, scheduled="learning_rate", **ranges)

    def init(self, params: Params) -> dict[str, Any]:
        """Return the state before the first step.

        Raises:
            TypeError: if a parameter has 16 bits, which hold no second moments.
        """
        return _init(self, params)

    def update(
        self, grads: Params, state: Mapping[str, Any], params: Params
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the next parameters and state.

        Raises:
            TypeError: if a dtype of grads or state differs from that of params.
            ValueError: if a name or shape does.
        """
        return _update(self, self.weight_decay, grads, state, params)


_RANGES = {"learning_rate": NONNEGATIVE, "beta1": UNIT, "beta2": UNIT, "eps": POSITIVE}


def _init(adam: Adam | AdamW, params: Params) -> dict[str, Any]:
    for name, leaf in items(params):
        if is_half(kernels_for(leaf).xp, leaf.dtype):
            msg = (
                f"{type(adam).__name__} expected parameters of float32 or float64, got "
                f"{leaf.dtype} for {name!r}: squares of gradients vanish in 16 bits. "
                "Train in float32; predict takes 16 bits."
            )
            raise TypeError(msg)
    return {"step": 0, "m": zeros_like(params), "v": zeros_like(params)}


def _update(
    adam: Adam | AdamW,
    decay: float,
    grads: Params,
    state: Mapping[str, Any],
    params: Params,
) -> tuple[dict[str, Any], dict[str, Any]]:
    check_update(type(adam).__name__, grads, state, params, ("m", "v"))
    rate, step = value_at(adam.learning_rate, state["step"]), state["step"] + 1

    def rule(param: Array, grad: Array, m: Array, v: Array) -> tuple[Array, ...]:
        return kernels_for(param).adam_(
            param,
            grad,
            m,
            v,
            rate=rate_like(rate, param),
            beta1=adam.beta1,
            beta2=adam.beta2,
            eps=adam.eps,
            decay=decay,
            step=step,
        )

    params, m, v = update_leaves(rule, params, grads, state["m"], state["v"])
    return params, {"step": step, "m": m, "v": v}
