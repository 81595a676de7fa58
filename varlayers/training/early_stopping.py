"""Early stopping: a pure function of the history, so a resumed run stops alike."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from varlayers.checks import check_size

__all__ = ["EarlyStopping"]


@dataclass(frozen=True)
class EarlyStopping:
    """End a run when validation has not improved for `patience` epochs.

    The parameters of the best epoch are then in the state's "best".

    Args:
        patience: epochs without improvement before the end, >= 1.
        min_delta: nats per example by which "validation_nll" must fall to count, >= 0.

    Raises:
        TypeError: if patience is not an integer.
        ValueError: if an argument is out of range.
    """

    patience: int = 10
    min_delta: float = 0.0

    def __post_init__(self) -> None:
        check_size("EarlyStopping", "patience", self.patience)
        if not self.min_delta >= 0:
            msg = f"EarlyStopping expected `min_delta` >= 0, got {self.min_delta}."
            raise ValueError(msg)

    def best_epoch(self, history: Mapping[str, Sequence[float]]) -> int | None:
        """Return the epoch, from 0, that improved last; None if none has a figure."""
        best: int | None = None
        values = history.get("validation_nll", ())
        for epoch, value in enumerate(values):
            if not math.isnan(value) and (
                best is None or value < values[best] - self.min_delta
            ):
                best = epoch
        return best

    def is_over(self, history: Mapping[str, Sequence[float]]) -> bool:
        """Return whether the run has ended."""
        best = self.best_epoch(history)
        if best is None:
            return False
        return len(history["validation_nll"]) - 1 - best >= self.patience
