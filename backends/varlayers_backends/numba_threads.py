"""Helpers for compiled loops: as many threads as BLAS has at the moment, less one.

Helpers wake when a large loop begins, look for parts of loops for some milliseconds
after the last one (`numba_fork`), and then sleep. The number of threads is that of
NumPy's BLAS, which follows OMP_NUM_THREADS, its own variables and
`threadpoolctl.threadpool_limits`. Without threadpoolctl there is one.
"""

import os
import threading
import time
from collections.abc import Callable
from functools import cache
from typing import Any, cast

from varlayers_backends.numba_fork import AWAKE, make_team, serve

__all__ = [
    "ALONE",
    "MOST",
    "check_memory",
    "pools",
    "team",
    "team_size",
    "thread_count",
]

MOST = 64  # threads of a team
_COUNTS = ("scipy_openblas_get_num_threads64_", "openblas_get_num_threads64_")
_PATIENCE = 0.003  # seconds for which a helper looks for parts
_TRIAL = 20_000  # looks that are timed


class _Team:
    """The words of a team, and its helpers."""

    def __init__(self, count: int) -> None:
        self.words = make_team()
        self._gates = [threading.Lock() for _ in range(count - 1)]
        for number, gate in enumerate(self._gates, 1):
            gate.acquire()
            name = f"varlayers-{number}"
            threading.Thread(
                target=self._help, args=(gate,), name=name, daemon=True
            ).start()

    def wake(self) -> Any:
        """Return the words, all helpers awake or about to be."""
        if self.words[AWAKE] < len(self._gates):
            for gate in self._gates:
                _open(gate)
        return self.words

    def _help(self, gate: threading.Lock) -> None:
        looks = _looks()
        while True:
            gate.acquire()
            serve(self.words, looks)


ALONE = make_team(alone=True)
_teams: dict[int, _Team] = {}
_lock = threading.Lock()


def _forget_teams() -> None:
    """Start anew in a child process: threads do not survive a fork."""
    global _lock
    _teams.clear()
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_teams)


def team(count: int | None = None) -> Any:
    """Return the words of a team of `count` threads, by default of `team_size`."""
    count = team_size() if count is None else count
    if count < 2 or os.name != "posix":
        return ALONE
    found = _teams.get(count)
    if found is None:
        with _lock:
            found = _teams.get(count) or _teams.setdefault(count, _Team(count))
    return found.wake()


def team_size() -> int:
    """Return how many threads share a loop: at most one for each processor."""
    return min(thread_count(), _processors(), MOST)


def check_memory(failed: bool) -> None:
    """Raise MemoryError if a part of a loop, which only memory can fail, failed."""
    if failed:
        msg = "A compiled loop expected memory for each of its threads, got none."
        raise MemoryError(msg)


def thread_count() -> int:
    """Return how many threads NumPy's BLAS may use now."""
    return _counter()()


def _open(gate: threading.Lock) -> None:
    if gate.locked():
        try:
            gate.release()
        except RuntimeError:  # another caller was faster
            return


@cache
def _processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def _looks() -> int:
    """Return how many looks make up the helpers' patience."""
    words = make_team()
    serve(words, 1)  # compiled
    start = time.perf_counter()
    serve(words, _TRIAL)
    return int(_TRIAL * _PATIENCE / (time.perf_counter() - start))


@cache
def _counter() -> Callable[[], int]:
    """Return the function of NumPy's BLAS that counts its threads, or one like it."""
    for pool in pools():
        for name in _COUNTS:
            direct = getattr(pool.dynlib, name, None)
            if direct is not None:
                return cast("Callable[[], int]", direct)
    return lambda: min((pool.get_num_threads() for pool in pools()), default=1)


@cache
def pools() -> list[Any]:
    """Return the thread pools of BLAS."""
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return []
    return list(ThreadpoolController().select(user_api="blas").lib_controllers)
