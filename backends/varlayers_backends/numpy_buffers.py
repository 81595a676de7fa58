"""Large NumPy arrays in memory that is used again.

The system hands out memory page by page, on first touch, and for arrays as large as a
layer's weights that costs more than a pass over them; freed, they go back, and the next
step pays again. Here their memory stays: `empty` gives a view of a block, and a block
is free as soon as nobody but this module refers to it.

Small arrays come from NumPy, and so does every array beyond `KEPT` bytes in all; what
is kept is never more.
"""

import math
import sys
import threading
from typing import Any

import numpy as np

from varlayers.types import Shape
from varlayers_backends.tracing import TRACING

__all__ = ["KEPT", "LARGE", "empty", "zeros"]

LARGE = 1 << 17  # bytes from which memory comes from the system by itself
KEPT = 1 << 28  # bytes

# A free block is referred to by its list, by a loop variable, and by getrefcount.
_REFERENCES_OF_FREE = 3
_blocks: dict[int, list[Any]] = {}
_lock = threading.Lock()


def empty(shape: Shape, dtype: Any) -> Any:
    """Return an array with whatever its memory held, as `numpy.empty`."""
    if TRACING.loops is not None:
        return TRACING.loops.empty(shape, dtype)
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    # A thread that would have to wait, or a child of a fork, goes to the system.
    if size < LARGE or not _lock.acquire(blocking=False):
        return np.empty(shape, dtype)
    try:
        block = _free(size)
        if block is None:
            block = _new(size)
    finally:
        _lock.release()
    if block is None:
        return np.empty(shape, dtype)
    return block.view(dtype).reshape(shape)


def zeros(shape: Shape, dtype: Any) -> Any:
    """Return an array of zeros."""
    if TRACING.loops is not None:
        return TRACING.loops.zeros(shape, dtype)
    x = empty(shape, dtype)
    x[...] = 0
    return x


def _free(size: int) -> Any:
    """Return a block of this size that nobody uses, or None."""
    for block in _blocks.get(size, ()):
        if sys.getrefcount(block) == _REFERENCES_OF_FREE:
            return block
    return None


def _new(size: int) -> Any:
    """Return a new block, or None where it would not fit beside those in use."""
    if _kept() + size > KEPT:
        _drop_free()
        if _kept() + size > KEPT:
            return None
    block = np.empty(size, np.uint8)
    _blocks.setdefault(size, []).append(block)
    return block


def _kept() -> int:
    return sum(size * len(blocks) for size, blocks in _blocks.items())


def _drop_free() -> None:
    for size, blocks in list(_blocks.items()):
        _blocks[size] = [
            block for block in blocks if sys.getrefcount(block) > _REFERENCES_OF_FREE
        ]
