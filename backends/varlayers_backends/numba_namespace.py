"""NumPy's namespace, of traced arrays (`numba_traced`).

What a step of training meets in its plainest form has compiled loops here; all else is
NumPy's own, called each time.
"""

import math
from typing import Any

import numpy as np

from varlayers_backends import numba_passes, numba_random, numba_threads
from varlayers_backends.numba_operations import (
    apply,
    is_plain,
    one_by_one,
    recorded,
)
from varlayers_backends.numba_traced import (
    Traced,
    constant,
    is_constant,
    kind_of,
    noted,
    number_of,
    part_of,
    values,
)
from varlayers_backends.numpy_buffers import empty
from varlayers_backends.tracing import TRACING, tracing

__all__ = ["NAMESPACE", "Namespace", "child_key"]

_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
_OF_DTYPES = {"isdtype", "finfo", "iinfo", "result_type", "can_cast"}
_OF_SHAPES = {"zeros_like", "ones_like", "empty_like"}


class Namespace:
    """NumPy's functions, which record what they do.

    Args:
        module: NumPy, or a part of it.
    """

    __name__ = "numpy"
    linalg: Any

    def __init__(self, module: Any) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._module, name)
        if isinstance(found, type) or not callable(found) or name in _OF_DTYPES:
            return found

        def function(*given: Any, **options: Any) -> Any:
            if name in _OF_SHAPES:
                return constant(found(given[0].value, **options))
            return apply(found, *given, **options)

        setattr(self, name, function)
        return function

    def full_like(self, x: Any, value: Any, **options: Any) -> Any:
        if isinstance(value, Traced):
            return apply(np.full_like, x, value, **options)
        return constant(np.full_like(x.value, value, **options))

    def asarray(self, x: Any, *, dtype: Any = None, **options: Any) -> Traced:
        if not isinstance(x, Traced):
            return constant(np.asarray(x, dtype=dtype))
        to = np.dtype(kind_of(x) if dtype is None else dtype)
        if to == x.dtype and not x.weak and not options.get("copy"):
            return x
        if is_constant(x):
            return constant(x.value.astype(to))
        if is_plain((x,), (to,)):
            return one_by_one("copy", (x,), (to,), to)
        given, made = noted((x, to)), np.array(values(x), to)
        result: Traced = recorded(np.array, given, {}, made)
        return result

    def astype(self, x: Traced, dtype: Any, **_: Any) -> Traced:
        if x.weak:  # it takes the dtype of what it meets
            return x
        return self.asarray(x, dtype=dtype, copy=True)

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        kinds = tuple(map(kind_of, (x, y)))
        traced = isinstance(condition, Traced) and condition.dtype == bool
        if not traced or all(isinstance(kind, type) for kind in kinds):
            return apply(np.where, condition, x, y)
        given, dtype = (condition, x, y), np.add.resolve_dtypes((*kinds, None))[-1]
        dtypes = np.dtype(bool), dtype, dtype
        if not is_plain(given, dtypes):
            return apply(np.where, *given)
        return one_by_one("where", given, dtypes, dtype)

    def sum(
        self, x: Traced, *, axis: Any = None, keepdims: bool = False, **options: Any
    ) -> Any:
        rows = _rows(x, axis)
        if rows is None or options:
            return apply(np.sum, x, axis=axis, keepdims=keepdims, **options)
        shape = x.shape[: x.ndim - rows]
        with tracing(loops=TRACING.tape):
            out = empty(shape, x.dtype)
            numba_passes.sum_rows(
                numba_threads.ALONE,
                _raw(x).reshape(math.prod(shape), -1),
                out.reshape(-1),
            )
        return Traced(out.reshape(*shape, *[1] * rows) if keepdims else out)

    def take(self, x: Traced, indices: Traced, *, axis: int) -> Any:
        plain = x.value.flags.c_contiguous and x.size and indices.ndim == 1
        if axis or not plain or not indices.value.flags.c_contiguous:
            return apply(np.take, x, indices, axis=axis)
        with tracing(loops=TRACING.tape):
            out = empty((indices.size, *x.shape[1:]), x.dtype)
            numba_passes.take_rows(
                numba_threads.ALONE,
                _bytes(_raw(x)),
                _raw(indices),
                _bytes(out),
            )
        return Traced(out)


NAMESPACE = Namespace(np)
NAMESPACE.linalg = Namespace(np.linalg)


def child_key(k0: Any, k1: Any, data: Any, domain: int) -> tuple[Traced, Traced]:
    """Return the words of a key's child; see `varlayers.random.fold_in`."""
    numbers = (number_of(x) if isinstance(x, Traced) else x for x in (k0, k1, data))
    with tracing(loops=TRACING.tape):
        words = empty((2,), np.uint32)
        numba_random.child(*numbers, domain, words)
    return Traced(words[:1].reshape(()), True), Traced(words[1:].reshape(()), True)


def _rows(x: Traced, axis: Any) -> int | None:
    """Return how many axes are summed, if they are the last of a plain array."""
    axes = range(x.ndim) if axis is None else np.atleast_1d(axis)
    turned = sorted(a + x.ndim if a < 0 else a for a in axes)
    plain = x.dtype in _FLOATS and x.value.flags.c_contiguous and x.size
    last = [*range(x.ndim - len(turned), x.ndim)]
    return len(turned) if plain and turned == last else None


def _raw(x: Traced) -> Any:
    """Return the array for a loop, which the tape has to know."""
    part_of(x)
    return x.value


def _bytes(x: Any) -> Any:
    """Return the bytes of each row."""
    return x.reshape(len(x), -1).view(np.uint8)
