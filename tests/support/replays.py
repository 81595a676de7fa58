"""Functions traced on some arrays and replayed on others (`numba_replay`)."""

from collections.abc import Callable
from typing import Any

import numpy as np

from varlayers_backends.numba import NumbaKernels
from varlayers_backends.numba_replay import Replayed

__all__ = ["KERNELS", "check_replay", "counted", "is_replayed", "replay_of"]

KERNELS = NumbaKernels()


def replay_of(
    function: Callable[..., Any], kernels: Any = KERNELS
) -> tuple[Callable[..., Any], Replayed]:
    """Return a function of arrays alone, replayed, and what replays it."""

    def described(static: Any, *arguments: Any) -> Any:
        return function(*arguments)

    replayed = Replayed(described, kernels)
    return lambda *arguments: replayed((), *arguments), replayed


def is_replayed(replayed: Replayed) -> bool:
    """Whether there is a program for each kind of arguments so far, and one is used."""
    programs = replayed._programs.values()
    return bool(programs) and None not in programs and replayed._last is not None


def check_replay(
    function: Callable[..., Any], desired: Callable[..., Any], first: Any, second: Any
) -> None:
    """Trace a function on `first`; on `second` it has to return what `desired` does.

    Numbers must be the same to the last bit, dtypes and shapes, too.
    """
    run, replayed = replay_of(function)
    for arguments in (first, second):
        with np.errstate(all="ignore"):
            right = np.asarray(desired(*arguments))
            actual = np.asarray(run(*arguments))
        assert is_replayed(replayed), "it is not traced"
        assert actual.dtype == right.dtype
        assert actual.shape == right.shape
        np.testing.assert_array_equal(actual, right)
        assert actual.dtype != bool or actual.tobytes().strip(b"\0\1") == b""


def counted(
    function: Callable[..., Any],
) -> tuple[Callable[..., Any], list[int]]:
    """Return the function, and a list that grows when it is called."""
    calls: list[int] = []

    def counting(*arguments: Any) -> Any:
        calls.append(1)
        return function(*arguments)

    return counting, calls
