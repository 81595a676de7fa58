"""The kernels of traced arrays: those of NumPy, recorded (`numba_traced`).

A kernel is recorded as its compiled loops, if those are all that it does: if it hands
them nothing but its arguments and new memory, and returns what they wrote. Else it is
recorded as one call.
"""

from typing import Any

import numpy as np

from varlayers.kernels import Kernels
from varlayers_backends.numba_namespace import NAMESPACE
from varlayers_backends.numba_operations import recorded
from varlayers_backends.numba_tape import Unknown, mapped, parts_of
from varlayers_backends.numba_traced import (
    Traced,
    constant,
    is_constant,
    noted,
    number_of,
    part_of,
    values,
)
from varlayers_backends.tracing import TRACING, tracing

__all__ = ["TracedKernels"]


class TracedKernels(Kernels):
    """NumPy's kernels, which record what they do."""

    def __init__(self) -> None:
        super().__init__(NAMESPACE)

    def asarray(self, data: Any, like: Any) -> Any:
        return constant(np.asarray(data, dtype=like.dtype))

    def device(self, x: Any) -> Any:
        return x.device

    def to_numpy(self, x: Any) -> Any:
        return np.asarray(x)  # refused


def _method(name: str) -> Any:
    def method(self: TracedKernels, *given: Any, **options: Any) -> Any:
        function = getattr(TRACING.plain, name)
        if name.endswith("_"):
            given = tuple(map(_own, given))
        loops = _loops(function, given, options)
        if loops is not None:
            return loops
        result = function(*values(given), **values(options))
        return recorded(function, noted(given), noted(options), result, always=True)

    return method


_OTHERS = {"asarray", "compile", "device", "to_numpy"}
for _name in dir(Kernels):
    if not _name.startswith("_") and _name not in _OTHERS:
        setattr(TracedKernels, _name, _method(_name))


def _loops(function: Any, given: Any, options: Any) -> Any:
    """Return the result of a kernel, recorded as its loops; None if it is not those."""
    tape = TRACING.tape
    start = len(tape.operations)
    try:
        with tracing(loops=tape):
            result = function(*_raw(given), **_raw(options))
        touched = {p.base for each in tape.operations[start:] for p in parts_of(each)}
        arrays = result if isinstance(result, tuple) else (result,)
        if all(x is None or tape.part(x).base in touched for x in arrays):
            return mapped(result, np.ndarray, Traced)
    except (TypeError, Unknown):  # the former where Python counts with a number
        pass
    del tape.operations[start:]
    return None


def _raw(given: Any) -> Any:
    """Return a tree with arrays that the tape knows, and numbers for a loop."""

    def raw(x: Traced) -> Any:
        part_of(x)
        return number_of(x) if x.weak else x.value

    return mapped(given, Traced, raw)


def _own(x: Any) -> Any:
    """Return what a kernel may overwrite: of a constant or an argument a copy.

    That of an argument stands for it: in a run the argument itself is overwritten.
    """
    if not isinstance(x, Traced) or x.weak:
        return x
    if is_constant(x):
        return Traced(TRACING.tape.copy(x.value))
    return Traced(TRACING.tape.to_write(x.value))
