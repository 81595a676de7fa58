"""A tape as a program: compiled functions, and memory laid out beforehand.

Loops and passes that follow each other are one compiled function (`numba_segment`);
between such functions stand the calls, which Python makes. All find what they work on
by a table of addresses, one for each base.

What operations make lies in one block, each base where none lies that lives at the same
time. A large result of the whole program has memory of its own in every run.
"""

import struct
import weakref
from collections.abc import Callable
from itertools import groupby
from typing import Any

import numpy as np

from varlayers_backends import numba_threads
from varlayers_backends.numba_fork import is_team
from varlayers_backends.numba_segment import Segments
from varlayers_backends.numba_tape import (
    Base,
    Call,
    Loop,
    Number,
    Part,
    Tape,
    address_of,
    mapped,
    parts_of,
)
from varlayers_backends.numpy_buffers import empty

__all__ = ["Program"]

_OTHER = "A program expected arrays and numbers as it was made for, got others."
_LINE = 64  # bytes; where bases begin
_SMALL = 1024  # bytes up to which a result is copied out
_CODES = {"int64": "q", "uint32": "Q", "float64": "d"}  # of numbers, 8 bytes each


class Program:
    """What a tape says, ready to run on other arguments of the same kind.

    Args:
        tape: the operations.
        results: what a run returns.

    Attributes:
        nbytes: of the memory that it holds between runs.
    """

    def __init__(self, tape: Tape, results: list[Part]) -> None:
        bases = tape.bases
        self._results = results
        self._env: list[Any] = [None] * len(bases)
        self._table = np.zeros(max(len(bases), 1), np.int64)
        self._arguments = [
            _Argument(i, base)
            for i, base in enumerate(bases)
            if base.kind == "argument"
        ]
        given = {part.base for part in results}
        self._fresh = [
            (i, base.like.shape, base.like.dtype)
            for i, base in enumerate(bases)
            if base.kind == "made" and i in given and base.like.nbytes > _SMALL
        ]
        self._place(tape, given)
        self._numbers = self._number_block(bases)
        self._passing = [i for i, x in enumerate(self._env) if x is None]
        self._takers = [self._taker(bases, part) for part in results]
        self._asks_team = any(map(_asks_team, tape.operations))
        self._thread_count = numba_threads.thread_count()
        groups = [
            (is_call, list(group))
            for is_call, group in groupby(
                tape.operations, lambda o: isinstance(o, Call)
            )
        ]
        self._segments = Segments([group for is_call, group in groups if not is_call])
        runs = iter(self._segments.runs)
        self._steps = [
            step
            for is_call, group in groups
            for step in (
                map(self._call, group) if is_call else [self._native(next(runs))]
            )
        ]

    @property
    def is_current(self) -> bool:
        """Whether there are as many threads as when it was made."""
        return numba_threads.thread_count() == self._thread_count

    def run(self, arrays: list[Any], numbers: list[Any]) -> list[Any]:
        """Return the results, for arguments of the kinds of the first.

        Raises:
            LookupError: if the program is not for these; nothing says what is changed.
        """
        env, table = self._env, self._table
        for argument, x in zip(self._arguments, arrays, strict=True):
            if argument.last() is not x or (argument.written and not x.flags.writeable):
                x = argument.taken(x)
                table[argument.base] = address_of(x)
            env[argument.base] = x
        pack, memory = self._numbers
        try:
            pack(memory, 0, *numbers)
        except struct.error as error:
            raise LookupError(_OTHER) from error
        for base, shape, dtype in self._fresh:
            env[base] = x = empty(shape, dtype)
            table[base] = address_of(x)
        if self._asks_team:
            numba_threads.team()
        for step in self._steps:
            step()
        results = [take() for take in self._takers]
        for base in self._passing:
            env[base] = None
        return results

    # ---- memory ----------------------------------------------------------------

    def _place(self, tape: Tape, results: set[int]) -> None:
        """Give memory to constants, and to what lives only while the program runs."""
        lives = _lives(tape, results)
        fresh = {base for base, *_ in self._fresh}
        made = {
            i: tape.bases[i].like
            for i in lives.keys() - fresh
            if tape.bases[i].kind == "made"
        }
        places, size = _packed({i: (x.nbytes, *lives[i]) for i, x in made.items()})
        block = np.empty(size + _LINE, np.uint8)
        self.nbytes = block.nbytes
        start = -address_of(block) % _LINE
        for i, x in made.items():
            at = start + places[i]
            memory = block[at : at + x.nbytes]
            self._settle(i, np.ndarray(x.shape, x.dtype, memory, 0, x.strides))
        for i, base in enumerate(tape.bases):
            if base.kind == "constant":
                self._settle(i, base.like)

    def _number_block(self, bases: list[Base]) -> tuple[Callable[..., None], Any]:
        """Return what stores the numbers of a run, and where."""
        numbers = [i for i, base in enumerate(bases) if base.kind == "number"]
        block = np.zeros(8 * len(numbers), np.uint8)
        for at, i in enumerate(numbers):
            x = bases[i].like
            self._settle(
                i, block[8 * at : 8 * at + x.itemsize].view(x.dtype).reshape(())
            )
        codes = "".join(_CODES[str(bases[i].like.dtype)] for i in numbers)
        return struct.Struct(f"={codes}").pack_into, block

    def _settle(self, base: int, x: Any) -> None:
        """Let a base be x in every run."""
        self._env[base], self._table[base] = x, address_of(x)

    def _view(self, part: Part) -> Any:
        base = self._env[part.base]
        if part.is_all_of(base):
            return base
        return np.ndarray(part.shape, part.dtype, base, part.offset, part.strides)

    def _taker(self, bases: list[Base], part: Part) -> Callable[[], Any]:
        """Return what takes a result out of the run."""
        base, env = bases[part.base], self._env
        if env[part.base] is not None:
            x = self._view(part)
            return x.copy if x.ndim else lambda: x[()]
        if part.is_all_of(base.like):
            return lambda: env[part.base]
        return lambda: self._view(part)

    # ---- steps -----------------------------------------------------------------

    def _native(self, run: Callable[[int], int]) -> Callable[[], None]:
        table = self._table.ctypes.data

        def step() -> None:
            failed = run(table)
            if failed:
                numba_threads.check_memory(failed >= 1 << 32)
                raise LookupError(_OTHER)

        return step

    def _call(self, call: Any) -> Callable[[], None]:
        def step() -> None:
            arguments, options = (
                mapped(given, (Part, Number), self._value)
                for given in (call.arguments, call.options)
            )
            result = call.function(*arguments, **options)
            several = result if isinstance(result, tuple | list) else (result,)
            for part, x in zip(call.results, several, strict=True):
                if part is not None:
                    self._keep(part, np.asarray(x))

        return step

    def _value(self, given: Part | Number) -> Any:
        if isinstance(given, Number):
            return self._view(given.part).item()
        return self._view(given)

    def _keep(self, part: Part, x: Any) -> None:
        """Store what a call returned, where later operations expect it.

        Raises:
            LookupError: if its shape or dtype is another.
        """
        if x.shape != part.shape or x.dtype != part.dtype:
            raise LookupError(_OTHER)
        if self._env[part.base] is None:
            if x.strides != part.strides:
                like = np.ndarray(part.shape, part.dtype, strides=part.strides)
                like[...] = x
                x = like
            self._settle(part.base, x)
            return
        view = self._view(part)
        if address_of(view) != address_of(x) or view.strides != x.strides:
            view[...] = x


class _Argument:
    """An array that a run is given: the base it is, and the array of the last run."""

    def __init__(self, base: int, like: Base) -> None:
        self.base, self.shape, self.dtype = base, like.like.shape, like.like.dtype
        self.written = like.written
        self.last: Callable[[], Any] = _nothing

    def taken(self, x: Any) -> Any:
        """Return x, remembered, or a copy where it cannot be worked on as it is.

        Raises:
            LookupError: if its shape or dtype is another.
        """
        if x.shape != self.shape or x.dtype != self.dtype:
            raise LookupError(_OTHER)
        flags = x.flags
        if not (flags.carray if self.written else flags.c_contiguous and flags.aligned):
            self.last = _nothing
            return np.array(x, order="C")
        self.last = weakref.ref(x)
        return x


def _nothing() -> None:
    return None


def _asks_team(operation: Any) -> bool:
    return isinstance(operation, Loop) and any(
        isinstance(x, np.ndarray) and is_team(x) and x is not numba_threads.ALONE
        for x in operation.arguments
    )


def _lives(tape: Tape, results: set[int]) -> dict[int, tuple[int, int]]:
    """Return of each base the first and the last operation that touches it."""
    lives: dict[int, tuple[int, int]] = {}
    for at, operation in enumerate(tape.operations):
        for part in parts_of(operation):
            lives[part.base] = (lives.get(part.base, (at, at))[0], at)
    for base in results & lives.keys():
        lives[base] = (lives[base][0], len(tape.operations))
    return lives


def _packed(blocks: dict[int, tuple[int, int, int]]) -> tuple[dict[int, int], int]:
    """Return a place for each (size, first, last), and the size of all.

    The largest come first, each at the lowest place where no block lies that lives at
    the same time.
    """
    places: dict[int, int] = {}
    done: list[tuple[int, int, int, int]] = []
    for i, (size, first, last) in sorted(blocks.items(), key=lambda x: -x[1][0]):
        at = 0
        for start, end, begun, ended in sorted(done):
            if begun <= last and first <= ended and start < at + size:
                at = max(at, -(-end // _LINE) * _LINE)
        places[i] = at
        done.append((at, at + size, first, last))
    return places, max((end for _, end, *_ in done), default=0)
