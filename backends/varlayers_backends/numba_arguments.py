"""What a compiled kernel can take: plain arrays, and numbers (`numba`)."""

from typing import Any

import numpy as np

from varlayers_backends import numba_threads
from varlayers_backends.numba_passes import GRAIN
from varlayers_backends.numba_tape import Number
from varlayers_backends.tracing import TRACING

__all__ = [
    "FEW",
    "FLOATS",
    "alike",
    "are_rows",
    "few",
    "float_of",
    "plain",
    "team_for",
    "word_of",
]

FLOATS = {np.dtype(np.float32), np.dtype(np.float64)}
FEW = 8192  # elements below which two calls of NumPy cost less than one loop
_MANY = 2 * GRAIN  # elements from which other threads are asked for help


def alike(first: Any, *others: Any) -> bool:
    """Whether all are plain arrays of one shape, all float32 or all float64."""
    shape, dtype = first.shape, first.dtype
    if type(first) is not np.ndarray or dtype not in FLOATS:
        return False
    for other in others:
        if type(other) is not np.ndarray or other.dtype is not dtype:
            return False
        if other.shape != shape:
            return False
    return True


def few(x: Any) -> bool:
    """Whether NumPy is as fast; on a tape loops are always faster."""
    return x.size < FEW and TRACING.loops is None


def are_rows(x: Any, *channels: Any) -> bool:
    """Whether rows of x, and one row of channels, are plain and of one dtype."""
    return (
        type(x) is np.ndarray
        and x.dtype in FLOATS
        and x.ndim > 0
        and all(type(b) is np.ndarray and b.dtype is x.dtype for b in channels)
        and all(b.shape == x.shape[-1:] for b in channels)
    )


def team_for(size: int) -> Any:
    """Return who shares a loop over so many elements."""
    return numba_threads.ALONE if size < _MANY else numba_threads.team()


def plain(x: Any) -> Any:
    """Return x, or a copy where it is strided, unaligned or read-only."""
    return x if x.flags.carray else np.array(x, order="C")


def word_of(word: Any) -> Any:
    """Return a word of a key for a loop."""
    return word if isinstance(word, Number) else int(word)


def float_of(number: Any) -> Any:
    """Return it as one float; integers would compile the loop again."""
    return number if isinstance(number, Number) else float(number)
