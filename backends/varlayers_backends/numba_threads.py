"""Loops over large arrays on several threads, as many as BLAS has at the moment.

A call is cut into pieces of equal length, whatever the number of threads, so that
results do not depend on it. The caller takes pieces and so does each helper that wakes
in time; nobody waits for a thread that has not begun. So a busy processor, or other
threads of the caller's, cost little. Helpers sleep between calls: they never spin
beside those of BLAS. Loops release the interpreter's lock.

The number of threads is that of NumPy's BLAS, which follows OMP_NUM_THREADS, its own
variables and `threadpoolctl.threadpool_limits`. Without threadpoolctl there is one.
"""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from functools import cache
from queue import SimpleQueue
from typing import Any

__all__ = ["PIECE", "run", "thread_count"]

PIECE = 32768  # elements; even, and a multiple of `numba_passes.BLOCK`
_Call = Callable[[int, int], object]


class _Work:
    """The pieces of one call that nobody has taken, and news of those taken.

    The news is None of a piece done, and a piece that a helper failed at.
    """

    def __init__(self, call: _Call, size: int) -> None:
        self.call = call
        self.pieces = deque(
            (start, min(start + PIECE, size)) for start in range(0, size, PIECE)
        )
        self.news: SimpleQueue[tuple[int, int] | None] = SimpleQueue()

    def pieces_left(self) -> Iterator[tuple[int, int]]:
        """Yield pieces, taken from the rest, until none is left."""
        while True:
            try:
                yield self.pieces.popleft()
            except IndexError:
                return


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
            for piece in work.pieces_left():
                try:
                    work.call(*piece)
                except BaseException:  # the caller will fail as well, and say why
                    work.news.put(piece)
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


def run(call: _Call, size: int) -> None:
    """Call call(start, stop) for pieces that cover range(size), each once.

    Below two pieces there is one call, and BLAS is not asked.
    """
    others = min(thread_count(), size // PIECE) - 1 if size >= 2 * PIECE else 0
    if others < 1:
        call(0, size)
        return
    work = _Work(call, size)
    count = len(work.pieces)  # less those done here
    _helpers.offer(work, others)
    for piece in work.pieces_left():
        call(*piece)
        count -= 1
    for failed in [work.news.get() for _ in range(count)]:
        if failed is not None:
            call(*failed)


def thread_count() -> int:
    """Return how many threads NumPy's BLAS may use now."""
    counts = [pool.num_threads for pool in _pools()]
    return min(counts, default=1)


@cache
def _pools() -> list[Any]:
    """Return the thread pools of BLAS."""
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return []
    return list(ThreadpoolController().select(user_api="blas").lib_controllers)
