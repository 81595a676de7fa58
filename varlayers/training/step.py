"""One step of training as one function: noise, loss, gradient, update.

    noise    child `step` of the key
    loss     minus the evidence bound at that noise, beta as at `step`
    update   the optimizer's, of the gradient

Where the array library has a compiler the step is compiled as a whole: by JAX, or, for
NumPy arrays with numba at hand, by tracing it and running what was traced.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from varlayers.checks import lookup
from varlayers.dispatch import kernels_for
from varlayers.elbo import ELBO, Loss
from varlayers.optimizers import OPTIMIZERS
from varlayers.random import Source, fold_in
from varlayers.types import Array, Optimizer, Params

__all__ = ["TrainingStep"]


@dataclass(frozen=True)
class TrainingStep:
    """The step of a training loop of one's own, compiled where that can be.

    Parameters and the optimizer's state are donated: a step may overwrite their arrays,
    so use those that it returns. Make one `TrainingStep` and call it again and again:
    the first call with arrays of a shape compiles. Layers, likelihood and optimizer
    must be pure functions of their arguments, as all of varlayers are.

    Args:
        elbo: model, likelihood and scale.
        optimizer: "sgd", "adam", "adamw", or an optimizer.

    Raises:
        ValueError: if the name of the optimizer is unknown.

    Example:
        >>> import numpy as np, varlayers as vl
        >>> x = np.linspace(-1, 1, 64, dtype=np.float32)[:, None]
        >>> elbo = vl.ELBO(vl.Dense(1, 1), vl.Normal(scale=0.1), num_data=64)
        >>> train = vl.TrainingStep(elbo, vl.Adam(1e-2))
        >>> params = elbo.init(vl.key(0), like=x)
        >>> state = train.rule.init(params)
        >>> for step in range(3):
        ...     params, state, loss = train(
        ...         params, state, x, 2 * x, key=vl.key(1), step=step
        ...     )
        >>> state["step"], bool(loss.nll > 0)
        (3, True)
    """

    elbo: ELBO
    optimizer: Optimizer | str = "adam"

    def __post_init__(self) -> None:
        found = lookup("TrainingStep", "optimizer", self.optimizer, OPTIMIZERS)
        object.__setattr__(self, "optimizer", found)

    @property
    def rule(self) -> Optimizer:
        """The optimizer."""
        return cast("Optimizer", self.optimizer)

    def __call__(
        self,
        params: Params,
        state: Mapping[str, Any],
        x: Array,
        targets: Array,
        *,
        key: Source,
        step: int,
    ) -> tuple[dict[str, Any], dict[str, Any], Loss]:
        """Return the next parameters and state, and the loss before the update.

        Args:
            params: as the ELBO's `init` returns them.
            state: as the optimizer's `init` returns it.
            x: a batch of inputs.
            targets: what the likelihood expects.
            key: the same in every step.
            step: the number of this one, from 0; it chooses the noise.
        """
        compiled = kernels_for(x).compile(_step)
        beta = self.elbo.beta_at(step)
        made: tuple[dict[str, Any], dict[str, Any], Loss] = compiled(
            self, params, state, x, targets, key, step, beta
        )
        return made

    def on_rows(
        self,
        params: Params,
        state: Mapping[str, Any],
        x: Array,
        targets: Array,
        rows: Array,
        *,
        key: Source,
        step: int,
    ) -> tuple[dict[str, Any], dict[str, Any], Loss]:
        """Return the same for a batch of some rows of x and targets."""
        compiled = kernels_for(x).compile(_step_on_rows)
        beta = self.elbo.beta_at(step)
        made: tuple[dict[str, Any], dict[str, Any], Loss] = compiled(
            self, params, state, x, targets, rows, key, step, beta
        )
        return made


def _step(
    train: TrainingStep,
    params: Params,
    state: Mapping[str, Any],
    x: Array,
    targets: Array,
    key: Source,
    step: int,
    beta: float,
) -> Any:
    # Compiled also where the update cannot be: a schedule may compare its step.
    value_and_grad = kernels_for(x).compile(_value_and_grad)
    noise_key = fold_in(key, step)
    loss, grads = value_and_grad(train.elbo, params, x, targets, noise_key, beta)
    return *train.rule.update(grads, state, params), loss


def _value_and_grad(
    elbo: ELBO, params: Params, x: Array, targets: Array, key: Source, beta: float
) -> tuple[Loss, dict[str, Any]]:
    return elbo.value_and_grad_at(params, x, targets, elbo.draw(key, x), beta)


def _step_on_rows(
    train: TrainingStep,
    params: Params,
    state: Mapping[str, Any],
    x: Array,
    targets: Array,
    rows: Array,
    *rest: Any,
) -> Any:
    xp = kernels_for(x).xp
    batch = xp.take(x, rows, axis=0), xp.take(targets, rows, axis=0)
    return _step(train, params, state, *batch, *rest)
