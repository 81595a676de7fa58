"""A progress bar with the history's latest figures, where tqdm is installed."""

import sys
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

__all__ = ["Progress"]

_SHOWN = {"nll": "nll", "kl": "kl", "validation_nll": "val"}


class Progress:
    """A bar over the steps of a run.

    Args:
        total: steps in all.
        done: steps done before.
        wanted: True for a bar, False for none, None for one if tqdm is installed and
            somebody looks: on a terminal or in a notebook, not in a log.

    Raises:
        ImportError: if wanted is True and tqdm is missing.
    """

    def __init__(self, total: int, done: int, wanted: bool | None) -> None:
        self._bar: Any = None
        if wanted is False or (wanted is None and not _is_watched()):
            return
        try:
            from tqdm.auto import tqdm
        except ImportError:
            if wanted:
                msg = (
                    "fit expected tqdm for `progress`, got none. "
                    "pip install varlayers[progress]"
                )
                raise ImportError(msg) from None
            return
        self._bar = tqdm(total=total, initial=done, unit="step")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def advance(self) -> None:
        """Count one step."""
        if self._bar is not None:
            self._bar.update()

    def show(self, history: Mapping[str, Sequence[float]]) -> None:
        """Show the last epoch's figures."""
        if self._bar is not None:
            figures = {
                label: f"{history[name][-1]:.4g}"
                for name, label in _SHOWN.items()
                if history.get(name)
            }
            self._bar.set_postfix(figures)


def _is_watched() -> bool:
    on_terminal = sys.stderr is not None and sys.stderr.isatty()
    return on_terminal or "ipykernel" in sys.modules
