"""The update rules of `Kernels`: one pass over a parameter and what goes with it."""

import math
from typing import Any

from varlayers.types import Array

__all__ = ["OptimizerKernels"]


class OptimizerKernels:
    """The part of `Kernels` that updates parameters."""

    xp: Any

    def adam_(
        self,
        param: Array,
        grad: Array,
        m: Array,
        v: Array,
        *,
        rate: float,
        beta1: float,
        beta2: float,
        eps: float,
        decay: float,
        step: int,
    ) -> tuple[Array, Array, Array]:
        """Return param, m and v after step number `step` (1 for the first) of AdamW.

            m = beta1 m + (1 - beta1) grad
            v = beta2 v + (1 - beta2) grad²
            param = (1 - rate decay) param
                    - rate m / (1 - beta1^step) / (sqrt(v / (1 - beta2^step)) + eps)

        May overwrite param, m and v.
        """
        m = beta1 * m + (1 - beta1) * grad
        v = beta2 * v + (1 - beta2) * (grad * grad)
        root = self.xp.sqrt(v / self._unbias(beta2, step))
        move = (rate / self._unbias(beta1, step)) * m / (root + eps)
        return (1 - rate * decay) * param - move, m, v

    def _unbias(self, beta: float, step: int) -> float:
        """Return 1 - beta^step, of a traced step as exactly as its dtype can."""
        if isinstance(step, int) or beta == 0:
            return 1 - beta**step
        unbias: float = -self.xp.expm1(step * math.log(beta))
        return unbias

    def sgd_(
        self,
        param: Array,
        grad: Array,
        velocity: Array | None,
        *,
        rate: float,
        momentum: float,
        nesterov: bool,
        decay: float,
    ) -> tuple[Array, Array | None]:
        """Return param and velocity after a step of gradient descent with momentum.

            grad = grad + decay param
            velocity = momentum velocity + grad
            param = param - rate (grad + momentum velocity if nesterov else velocity)

        Without a velocity, None, the step is rate grad, whatever the momentum, and None
        comes back. May overwrite param and velocity.
        """
        grad = grad + decay * param if decay else grad
        if velocity is None:
            return param - rate * grad, None
        velocity = momentum * velocity + grad
        move = grad + momentum * velocity if nesterov else velocity
        return param - rate * move, velocity
