"""What NumPy kernels share that work on a cacheful at a time.

NumPy makes one pass over memory per operation. A kernel that applies all its operations
to one chunk after the other, in place, finds its arrays in the cache every time. A
chunk is long enough for the cost of a call not to show, and short enough for eight
arrays of it, in float32, to fit in 1 MB.

Scalars are 0-d arrays, and outputs are passed by position: ufuncs then cost half.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

__all__ = ["CHUNK", "chunks", "polynomial", "scalars"]

CHUNK = 32768


def chunks(count: int, *arrays: Any) -> Iterator[list[Any]]:
    """Yield the arrays' chunks; a 0-d array stands for `count` equal elements."""
    for start in range(0, count, CHUNK):
        part = slice(start, start + CHUNK)
        yield [array[part] if array.ndim else array for array in arrays]


def scalars(dtype: Any, *values: float) -> list[Any]:
    """Return numbers as 0-d arrays."""
    return [np.array(value, dtype) for value in values]


def polynomial(coefficients: Sequence[Any], x: Any, out: Any) -> None:
    """Store Σ coefficients[k] x**k by Horner's rule."""
    np.multiply(x, coefficients[-1], out)
    for coefficient in coefficients[-2:0:-1]:
        np.add(out, coefficient, out)
        np.multiply(out, x, out)
    np.add(out, coefficients[0], out)
