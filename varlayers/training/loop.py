"""`fit`: mini-batch training by stochastic variational inference.

Everything random is a function of the key and of the step, and everything that one step
hands to the next is in the state, a plain nested dict. So a run that was stopped, saved
and loaded goes on to the very same numbers.

    order of epoch e        child (0, e) of the key
    noise of step t         child (1, t)
    initial parameters      child 2
    validation noise        child 3, the same in every epoch
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias, cast

import numpy as np

from varlayers import tree
from varlayers.checks import check_size, lookup
from varlayers.dispatch import kernels_for
from varlayers.elbo import ELBO, Loss
from varlayers.optimizers import OPTIMIZERS, Adam
from varlayers.prediction import log_predictive_density
from varlayers.random import Key, fold_in
from varlayers.training.arguments import check_arguments, check_state
from varlayers.training.early_stopping import EarlyStopping
from varlayers.training.progress import Progress
from varlayers.training.step import TrainingStep
from varlayers.types import Array, Optimizer

__all__ = ["fit"]

_State: TypeAlias = dict[str, Any]

_ADAM = Adam()


def fit(
    elbo: ELBO,
    x: Array,
    targets: Array,
    *,
    key: Key,
    epochs: int,
    batch_size: int = 128,
    optimizer: Optimizer | str = _ADAM,
    state: _State | None = None,
    validation: tuple[Array, Array] | None = None,
    validation_samples: int = 8,
    early_stopping: EarlyStopping | None = None,
    callbacks: Sequence[Callable[[_State], bool | None]] = (),
    progress: bool | None = None,
) -> _State:
    """Maximize the evidence lower bound by mini-batches; return the training state.

    Arrays stay in their library and on their device.

    Args:
        elbo: model, likelihood and scale; its num_data must be the length of x.
        x: inputs, (n, ...), finite.
        targets: (n, ...), what the likelihood expects.
        key: a key; a native generator would not let a run be resumed.
        epochs: passes over the data in all, those in `state` included, >= 1.
        batch_size: examples per step, >= 1; an epoch's last batch may be smaller.
        optimizer: what takes the steps: "sgd", "adam", "adamw", or an optimizer.
        state: where to go on from, as an earlier call returned it with the same data,
            key and batch size. It is not changed; entries of your own are kept.
        validation: inputs and targets held out; minus their mean log predictive
            density is the history's "validation_nll".
        validation_samples: posterior samples for it, >= 1.
        early_stopping: when to end the run; keeps the best parameters.
        callbacks: called with the state after each epoch; a true result ends the run.
            Copy what you keep: the next step overwrites the state's arrays.
        progress: show a progress bar (needs tqdm); None shows one on a terminal or in a
            notebook, if tqdm is there.

    Returns:
        {"params", "optimizer", "step", "history"} and, with early stopping, "best", the
        parameters of the best epoch. The history holds lists by epoch: "loss", "nll",
        "kl", "beta" and, with validation, "validation_nll", in nats.

    Raises:
        FloatingPointError: if the loss is no longer finite.
        ImportError: if `progress` is True and tqdm is missing.
        TypeError: if the key is not a key, a size not an integer, or `x` not an array
            of a floating dtype.
        ValueError: if an argument is out of range or does not fit the others.

    Example:
        >>> import numpy as np, varlayers as vl
        >>> x = np.linspace(-1, 1, 64, dtype=np.float32)[:, None]
        >>> elbo = vl.ELBO(vl.Dense(1, 1), vl.Normal(scale=0.1), num_data=64)
        >>> state = vl.fit(elbo, x, 2 * x, key=vl.key(0), epochs=2, progress=False)
        >>> state["step"], len(state["history"]["nll"])
        (2, 2)
    """
    check_size("fit", "epochs", epochs)
    check_size("fit", "batch_size", batch_size)
    check_size("fit", "validation_samples", validation_samples)
    train = TrainingStep(elbo, lookup("fit", "optimizer", optimizer, OPTIMIZERS))
    check_arguments(elbo, x, targets, key, validation, early_stopping)
    x, targets = _row_by_row(x), _row_by_row(targets)
    per_epoch = math.ceil(x.shape[0] / batch_size)
    state = _initial(train, x, key) if state is None else _copied(state)
    check_state(state, per_epoch)
    total, history = epochs * per_epoch, state["history"]
    with Progress(total, state["step"], progress) as bar:
        while state["step"] < total and not _is_over(early_stopping, history):
            _run_epoch(state, train, x, targets, key, batch_size, bar)
            if validation is not None:
                nll = -log_predictive_density(
                    elbo,
                    state["params"],
                    *validation,
                    key=fold_in(key, 3),
                    num_samples=validation_samples,
                )
                _append(history, validation_nll=_mean(nll))
            if early_stopping is not None:
                _keep_best(state, early_stopping)
            bar.show(history)
            ends = [callback(state) for callback in callbacks]
            if any(ends):
                break
    return state


def _run_epoch(
    state: _State,
    train: TrainingStep,
    x: Array,
    targets: Array,
    key: Key,
    batch_size: int,
    bar: Progress,
) -> None:
    losses: list[Loss] = []
    data, noise_key, before = (x, targets), fold_in(key, 1), state["optimizer"]
    for rows in _batches(x, state["step"], key, batch_size):
        state["params"], state["optimizer"], loss = train.on_rows(
            *(state["params"], state["optimizer"], *data, rows),
            key=noise_key,
            step=state["step"],
        )
        state["step"] += 1
        losses.append(loss)
        bar.advance()
    state["optimizer"] = tree.map_leaves(_as_before, state["optimizer"], before)
    history = state["history"]
    for name in ("loss", "nll", "kl"):
        values = [float(getattr(loss, name)) for loss in losses]
        _append(history, **{name: sum(values) / len(values)})
    _append(history, beta=float(losses[-1].beta))
    if not math.isfinite(history["loss"][-1]):
        msg = (
            f"fit expected a finite loss, got nll {history['nll'][-1]} and "
            f"kl {history['kl'][-1]} in epoch {len(history['loss'])}. "
            "Try a lower learning rate or clipped gradients."
        )
        raise FloatingPointError(msg)


def _row_by_row(data: Array) -> Array:
    """Return data; a NumPy array that is strided is copied here, not in every step."""
    return np.ascontiguousarray(data) if isinstance(data, np.ndarray) else data


def _as_before(leaf: Any, before: Any) -> Any:
    """Return a count of Python's as one, which a compiled step makes an array."""
    return int(leaf) if isinstance(before, int) else leaf


def _batches(x: Array, step: int, key: Key, batch_size: int) -> Iterator[Array]:
    """Yield the rows of each batch of the epoch that starts at `step`."""
    k, n = kernels_for(x), x.shape[0]
    epoch = step // math.ceil(n / batch_size)
    host = np.zeros(0, np.float32)
    child = cast("Key", fold_in(fold_in(key, 0), epoch))
    words = kernels_for(host).words(child, n, host)
    order = np.argsort(words, kind="stable").astype(np.int32)
    for start in range(0, n, batch_size):
        rows = order[start : start + batch_size]
        yield k.xp.asarray(rows, device=k.device(x))


def _initial(train: TrainingStep, x: Array, key: Key) -> _State:
    params = train.elbo.init(fold_in(key, 2), like=x)
    return {
        "params": params,
        "optimizer": train.rule.init(params),
        "step": 0,
        "history": {},
    }


def _copied(state: _State) -> _State:
    """Return a state whose arrays and lists the optimizer may overwrite."""
    return tree.map_leaves(_copy_leaf, state)


def _copy_leaf(leaf: Any) -> Any:
    if isinstance(leaf, list):
        return list(leaf)
    return (
        kernels_for(leaf).xp.asarray(leaf, copy=True)
        if hasattr(leaf, "dtype")
        else leaf
    )


def _keep_best(state: _State, early_stopping: EarlyStopping) -> None:
    history = state["history"]
    if early_stopping.best_epoch(history) == len(history["validation_nll"]) - 1:
        state["best"] = _copied(state["params"])


def _is_over(early_stopping: EarlyStopping | None, history: _State) -> bool:
    return early_stopping is not None and early_stopping.is_over(history)


def _append(history: _State, **figures: float) -> None:
    for name, value in figures.items():
        history.setdefault(name, []).append(value)


def _mean(values: Array) -> float:
    return float(kernels_for(values).xp.mean(values))
