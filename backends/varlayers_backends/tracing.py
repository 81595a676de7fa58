"""What of this thread's work is being written down, and where.

    tape     takes the operations of the function that is traced now (`numba_traced`)
    plain    the kernels that it would use
    loops    takes the compiled loops that run now, and the memory for their results
    board    has the numbers of the function that is captured now (`cupy_graphs`)

Memory and loops ask here (`numpy_buffers`, `numba_math`).
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["TRACING", "tracing"]


class _Tracing(threading.local):
    tape: Any = None
    plain: Any = None
    loops: Any = None
    board: Any = None


TRACING = _Tracing()


@contextmanager
def tracing(**tapes: Any) -> Iterator[None]:
    """Set `tape` or `loops` for a while."""
    before = {name: getattr(TRACING, name) for name in tapes}
    vars(TRACING).update(tapes)
    try:
        yield
    finally:
        vars(TRACING).update(before)
