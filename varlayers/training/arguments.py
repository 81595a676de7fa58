"""What `fit` checks before it trains, so that nothing fails after the first epoch."""

from collections.abc import Mapping
from typing import Any

from varlayers.dispatch import kernels_for
from varlayers.elbo import ELBO
from varlayers.random import Key
from varlayers.training.early_stopping import EarlyStopping
from varlayers.types import Array

__all__ = ["check_arguments", "check_state"]


def check_arguments(
    elbo: ELBO,
    x: Array,
    targets: Array,
    key: Key,
    validation: tuple[Array, Array] | None,
    early_stopping: EarlyStopping | None,
) -> None:
    """Raise unless data, key and objective fit each other."""
    if not isinstance(key, Key):
        msg = (
            f"fit expected a random key, got {type(key).__name__}. "
            "Make one with varlayers.key(seed)."
        )
        raise TypeError(msg)
    _check_data(("x", x), ("targets", targets))
    if elbo.num_data != x.shape[0]:
        msg = (
            f"fit expected elbo.num_data to be the length of `x`, {x.shape[0]}, "
            f"got {elbo.num_data}."
        )
        raise ValueError(msg)
    if validation is not None:
        if not isinstance(validation, tuple | list) or len(validation) != 2:
            kind = type(validation).__name__
            msg = f"fit expected `validation` to be a pair (x, targets), got {kind}."
            raise TypeError(msg)
        one, other = validation
        _check_data(("validation[0]", one), ("validation[1]", other))
    if early_stopping is not None and validation is None:
        msg = "fit expected `validation` data for `early_stopping`, got None."
        raise ValueError(msg)


def _check_data(inputs: tuple[str, Array], outcomes: tuple[str, Array]) -> None:
    """Raise unless the named arrays are finite numbers and as many targets."""
    (name, x), (other, targets) = inputs, outcomes
    xp, _ = kernels_for(x).xp, kernels_for(targets)
    n = x.shape[0] if x.ndim else 0
    if n < 1 or targets.shape[:1] != (n,):
        msg = (
            f"fit expected `{name}` and `{other}` with the same number of examples, "
            f">= 1, got shapes {tuple(x.shape)} and {tuple(targets.shape)}."
        )
        raise ValueError(msg)
    if not xp.isdtype(x.dtype, "real floating"):
        msg = (
            f"fit expected `{name}` of a floating dtype, got {x.dtype}. "
            "Convert it, for example to float32."
        )
        raise TypeError(msg)
    if not bool(xp.all(xp.isfinite(x))):
        msg = (
            f"fit expected finite `{name}`, got NaN or infinity. "
            "Impute or drop those rows."
        )
        raise ValueError(msg)


def check_state(state: Mapping[str, Any], per_epoch: int) -> None:
    """Raise unless the state is one at the end of an epoch of `per_epoch` steps."""
    missing = {"params", "optimizer", "step", "history"} - state.keys()
    if missing:
        msg = (
            f"fit expected `state` as an earlier call returned it, got {sorted(state)} "
            f"without {sorted(missing)}."
        )
        raise ValueError(msg)
    if state["step"] % per_epoch:
        msg = (
            f"fit expected `state` at the end of an epoch of {per_epoch} steps, "
            f"got step {state['step']}. Resume with the same data and batch_size."
        )
        raise ValueError(msg)
