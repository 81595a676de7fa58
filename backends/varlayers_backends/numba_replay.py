"""Functions of arrays that run once and are repeated as programs from then on.

The first call with arguments of some shapes and dtypes writes a tape (`numba_tape`) and
makes it a program (`numba_program`). That call, and every later one
of the same kind, runs the program: the same numbers without the function, so without
what Python costs. As with every compiler of this sort the function must be pure.

What cannot be traced, such as a function that looks at the values of its arrays, is
called as it is.
"""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import cache
from typing import Any

import numpy as np

from varlayers.random import Key
from varlayers_backends.numba_operations import argument
from varlayers_backends.numba_program import Program
from varlayers_backends.numba_tape import Part, Tape, alike
from varlayers_backends.numba_traced import Traced, constant, part_of
from varlayers_backends.tracing import TRACING, tracing
from varlayers_backends.trees import Leaf, kind_of, maker, taker

__all__ = ["KEPT", "MEMORY", "Replayed", "replayed"]

KEPT = 32  # programs of a function, and
MEMORY = 1 << 30  # bytes that they hold, unless it is a single one
_FIXED = (type(None), bool, int, float, str)  # of results
_LOG = logging.getLogger("varlayers")


class Replayed:
    """A function that is traced once for each kind of arguments.

    Args:
        function: of a hashable description, and of trees of arrays, keys and numbers.
        kernels: of NumPy's arrays.
    """

    def __init__(self, function: Callable[..., Any], kernels: Any) -> None:
        self._function, self._kernels = function, kernels
        self._programs: OrderedDict[Hashable, _Replay | None] = OrderedDict()
        self._last: tuple[Any, _Replay] | None = None
        self._lock = threading.Lock()

    def __call__(self, static: Any, *arguments: Any) -> Any:
        if TRACING.tape is not None:  # part of a function that is traced
            return self._function(static, *arguments)
        if self._last is not None and self._last[0] is static:
            found = self._last[1](arguments)
            if found is not None:
                return found[0]
        try:
            kind = static, kind_of(arguments)
            replay = self._program(kind, static, arguments)
        except (Leaf, TypeError):  # the latter where it cannot be hashed
            replay = None
        found = None if replay is None else replay(arguments)
        if replay is None or found is None:
            return self._function(static, *arguments)
        self._last = static, replay
        return found[0]

    def _program(self, kind: Any, static: Any, arguments: Any) -> "_Replay | None":
        """Return the program for arguments, made if need be; None if there is none."""
        found = self._programs.get(kind)
        if kind in self._programs and (found is None or found.is_current):
            return found
        try:
            found = _Replay(self._function, self._kernels, static, arguments)
        except Exception:  # of any kind; without a program it comes again, or is none
            _LOG.debug("%s is not traced", self._function, exc_info=True)
            found = None
        with self._lock:
            self._programs[kind] = found
            while len(self._programs) > 1 and self._is_full():
                self._programs.popitem(last=False)
        return found

    def _is_full(self) -> bool:
        held = sum(p.program.nbytes for p in self._programs.values() if p is not None)
        return held > MEMORY or len(self._programs) > KEPT


class _Replay:
    """A program with the trees of its arguments and results.

    Raises:
        ValueError: if the function does not do the same twice.
    """

    def __init__(
        self, function: Any, kernels: Any, static: Any, arguments: Any
    ) -> None:
        self._lock = threading.Lock()
        self._take = taker(arguments)
        is_array = [isinstance(x, np.ndarray) for x in self._take(arguments) or ()]
        self._arrays = [i for i, array in enumerate(is_array) if array]
        self._numbers = [i for i, array in enumerate(is_array) if not array]
        call = function, kernels, static, arguments
        again, *others = _trace(*call)
        again.forget()
        self.tape, parts, fixed, self._make = _trace(*call)
        if not alike(self.tape, again) or [parts, fixed] != others[:2]:
            msg = f"Expected a function that does the same each time, got {function}."
            raise ValueError(msg)
        self.program = Program(self.tape, parts)
        self.tape.forget()

    @property
    def is_current(self) -> bool:
        return self.program.is_current

    def __call__(self, arguments: Any) -> tuple[Any] | None:
        """Return the result, in a tuple, or None where the program is not for these."""
        leaves = self._take(arguments)
        if leaves is None or not self.is_current:
            return None
        if not self._lock.acquire(blocking=False):
            return None
        try:
            results = self.program.run(
                [leaves[i] for i in self._arrays], [leaves[i] for i in self._numbers]
            )
        except LookupError:
            return None
        finally:
            self._lock.release()
        return (self._make(results),)


@cache
def replayed(function: Callable[..., Any], kernels: Any) -> Replayed:
    """Return the function, traced."""
    return Replayed(function, kernels)


def _trace(
    function: Any, kernels: Any, static: Any, arguments: Any
) -> tuple[Tape, list[Part], list[Any], Callable[[Any], Any]]:
    """Return the tape, what it returns, also of constants, and what makes that a tree.

    Raises:
        Leaf: if the function returns what is neither an array nor a constant.
    """
    tape, parts, fixed = Tape(), [], []

    def place(leaf: Any) -> str:
        if isinstance(leaf, np.ndarray | np.generic):
            leaf = constant(leaf)
        if not isinstance(leaf, Traced):
            if type(leaf) not in _FIXED:
                msg = f"A program expected to return arrays, got {type(leaf).__name__}."
                raise Leaf(msg)
            fixed.append((type(leaf), leaf))
            return ""
        parts.append(part_of(leaf))
        return f"results[{len(parts) - 1}]" + (".item()" if leaf.weak else "")

    with tracing(tape=tape, plain=kernels), np.errstate(all="ignore"):
        result = function(static, *_traced(arguments))
        return tape, parts, fixed, maker(result, place)


def _traced(tree: Any) -> Any:
    """Return the arguments, traced."""
    if isinstance(tree, Key):
        return Key(*(argument(np.array(word, np.uint32), weak=True) for word in tree))
    if isinstance(tree, np.ndarray):
        return argument(_alone(tree))
    if isinstance(tree, dict):
        return {name: _traced(x) for name, x in tree.items()}
    if isinstance(tree, tuple | list):
        parts = [_traced(x) for x in tree]
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)
    return tree if tree is None else argument(np.array(tree), weak=True)


def _alone(x: Any) -> Any:
    """Return x, or a copy where others may share its memory, or it is strided."""
    alone = x.base is None and x.flags.carray and not TRACING.tape.knows(x)
    return x if alone else np.array(x, order="C")
