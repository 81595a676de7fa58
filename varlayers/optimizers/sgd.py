"""Stochastic gradient descent, with momentum, Nesterov's form of it, and decay.

    g = grad + weight_decay param
    velocity = momentum velocity + g
    param = param - rate (g + momentum velocity  if nesterov  else  velocity)

Decay is part of the gradient, as in torch; `AdamW` has it apart. Without momentum
there is no velocity, and the state is the step count alone.

Shapes: those of the parameters.

Reference: Sutskever, Martens, Dahl & Hinton (2013), "On the importance of
initialization and momentum in deep learning".
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
from varlayers.optimizers.ranges import NONNEGATIVE, UNIT, set_numbers
from varlayers.optimizers.schedules import value_at
from varlayers.types import Array, Params, Schedule

__all__ = ["SGD"]


@dataclass(frozen=True)
class SGD:
    """Gradient descent.

    State: {"step": updates done} and, with momentum, {"velocity": like params}. Params
    and state are donated: `update` may overwrite their arrays, so use those that it
    returns. Gradients are left as they are.

    Args:
        learning_rate: >= 0, or a schedule of it.
        momentum: in [0, 1).
        nesterov: look one momentum step ahead.
        weight_decay: >= 0; added to the gradient, times the parameter. It reaches every
            parameter, rho included: where weights have a prior, leave it at 0.

    Raises:
        TypeError: if an argument is no number.
        ValueError: if a number is out of range, or `nesterov` has no momentum.
    """

    learning_rate: float | Schedule
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        set_numbers(
            self,
            scheduled="learning_rate",
            learning_rate=NONNEGATIVE,
            momentum=UNIT,
            weight_decay=NONNEGATIVE,
        )
        if self.nesterov and not self.momentum:
            msg = f"SGD expected `momentum` > 0 with nesterov, got {self.momentum}."
            raise ValueError(msg)

    def init(self, params: Params) -> dict[str, Any]:
        """Return the state before the first step."""
        return {"step": 0, **{name: zeros_like(params) for name in self._moments}}

    def update(
        self, grads: Params, state: Mapping[str, Any], params: Params
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the next parameters and state.

        Raises:
            TypeError: if a dtype of grads or state differs from that of params.
            ValueError: if a name or shape does.
        """
        check_update("SGD", grads, state, params, self._moments)
        rate = value_at(self.learning_rate, state["step"])

        def rule(param: Array, grad: Array, *velocity: Array) -> tuple[Array, ...]:
            moved: tuple[Array, Array] = kernels_for(param).sgd_(
                param,
                grad,
                *(velocity or (None,)),
                rate=rate_like(rate, param),
                momentum=self.momentum,
                nesterov=self.nesterov,
                decay=self.weight_decay,
            )
            return moved if velocity else moved[:1]

        trees = (state[name] for name in self._moments)
        params, *moments = update_leaves(rule, params, grads, *trees)
        named = zip(self._moments, moments, strict=True)
        return params, {"step": state["step"] + 1, **dict(named)}

    @property
    def _moments(self) -> tuple[str, ...]:
        return ("velocity",) if self.momentum else ()
