"""Calls of compiled functions on several threads, as many as BLAS has at the moment.

The caller takes calls and so does each helper that wakes in time; nobody waits for a
thread that has not begun. So a busy processor, or other threads of the caller's, cost
little. Helpers sleep in between: they never spin beside those of BLAS. What is called
must release the interpreter's lock, and which thread does it must not matter.

The number of threads is that of NumPy's BLAS, which follows OMP_NUM_THREADS, its own
variables and `threadpoolctl.threadpool_limits`. Without threadpoolctl there is one.
"""

import os
import threading
from collections import deque
from collections.abc import Callable
from functools import cache
from queue import SimpleQueue
from typing import Any

__all__ = ["run", "thread_count"]


class _Work:
    """The calls that nobody has taken, and news of those that helpers took.

    The news is None of a call made, and the number of a call that failed.
    """

    def __init__(self, call: Callable[[int], object], count: int) -> None:
        self.call = call
        self.left = deque(range(count))
        self.news: SimpleQueue[int | None] = SimpleQueue()

    def take(self) -> int | None:
        """Return a call that is left."""
        try:
            return self.left.popleft()
        except IndexError:
            return None


class _Helpers:
    """Threads that wait for work."""

    def __init__(self) -> None:
        self._count = 0
        self._lock = threading.Lock()
        self._offers: SimpleQueue[_Work] = SimpleQueue()

    def offer(self, work: _Work, count: int) -> None:
        """Ask `count` helpers for their help."""
        with self._lock:
            while self._count < count:
                self._count += 1
                name = f"varlayers-{self._count}"
                threading.Thread(target=self._serve, name=name, daemon=True).start()
        for _ in range(count):
            self._offers.put(work)

    def _serve(self) -> None:
        while True:
            work = self._offers.get()
            while (index := work.take()) is not None:
                try:
                    work.call(index)
                except BaseException:  # the caller will fail as well, and say why
                    work.news.put(index)
                else:
                    work.news.put(None)
            del work  # and with it the arrays


_helpers = _Helpers()


def _forget_helpers() -> None:
    """Start anew in a child process: threads do not survive a fork."""
    global _helpers
    _helpers = _Helpers()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_helpers)


def run(call: Callable[[int], object], count: int) -> None:
    """Call call(i) for every i < count, once each, in any order.

    What fails in a helper is called again by the caller.
    """
    others = min(thread_count(), count) - 1 if count > 1 else 0
    work = _Work(call, count)
    if others > 0:
        _helpers.offer(work, others)
    while (index := work.take()) is not None:
        call(index)
        count -= 1
    for failed in [work.news.get() for _ in range(count)]:
        if failed is not None:
            call(failed)


def thread_count() -> int:
    """Return how many threads NumPy's BLAS may use now."""
    return min((pool.num_threads for pool in _pools()), default=1)


@cache
def _pools() -> list[Any]:
    """Return the thread pools of BLAS."""
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return []
    return list(ThreadpoolController().select(user_api="blas").lib_controllers)
