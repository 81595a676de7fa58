"""The tape of a function: each operation on arrays, with the memory that it touches.

A function that is run once on arrays of a shape does the same operations each time. The
tape keeps them, so that a program (`numba_program`) can repeat them on other numbers
without the function:

    Loop      a compiled loop, called with parts of bases and with numbers
    Pass      elements of arrays combined one by one; compiled with the program
    Call      any other function, of NumPy or of the kernels, called from Python

A base is a block of memory: an argument of the function, one that an operation made, or
a constant. Part of a base is told by its offset, shape and strides, so reshaping,
slicing and transposing leave no operation.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from varlayers.types import Shape
from varlayers_backends.numba_fork import is_team

__all__ = [
    "MOST",
    "Base",
    "Call",
    "Loop",
    "Number",
    "Operation",
    "Part",
    "Pass",
    "Tape",
    "TooLarge",
    "Unknown",
    "address_of",
    "alike",
    "mapped",
    "owner_of",
    "parts_of",
]


MOST = 1 << 30  # bytes that operations may make: a tape keeps them all


class TooLarge(Exception):
    """More memory than a tape may keep; there is little to gain with such arrays."""


class Unknown(Exception):
    """An array that the tape has not seen made."""


class Part(NamedTuple):
    """Where an array lies in a base; offset and strides in bytes."""

    base: int
    offset: int
    shape: Shape
    strides: Shape
    dtype: np.dtype[Any]

    def is_all_of(self, x: Any) -> bool:
        """Whether it is just what the array is that its base is now."""
        return (
            not self.offset
            and self.shape == x.shape
            and self.strides == x.strides
            and self.dtype == x.dtype
        )


class Number:
    """A number that differs from run to run, as a compiled loop is given it.

    Python cannot count with it: what does so would keep the number of the first run.
    """

    __array_ufunc__ = None  # nor can NumPy

    def __init__(self, part: Part, value: Any) -> None:
        self.part, self.value = part, value


class Base:
    """A block of memory.

    Attributes:
        kind: "argument", "number", "made", "result" (of a call) or "constant".
        like: the array that it was when the function was traced.
        written: whether it is an argument that may be overwritten.
    """

    def __init__(self, kind: str, like: Any) -> None:
        self.kind, self.like, self.written = kind, like, False


class Loop(NamedTuple):
    """A compiled loop with its arguments: parts, numbers, and what never changes."""

    compiled: Any
    arguments: tuple[Any, ...]


class Pass(NamedTuple):
    """An elementwise operation by name; parts broadcast to that of the result."""

    name: str
    inputs: tuple[Part, ...]
    out: Part
    dtypes: tuple[np.dtype[Any], ...]  # of the inputs, once they are converted


class Call(NamedTuple):
    """A function with its arguments, in which parts and numbers may be nested."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    options: dict[str, Any]
    results: tuple[Part | None, ...]


Operation: TypeAlias = Loop | Pass | Call


class Tape:
    """Operations, and the bases that they touch."""

    def __init__(self) -> None:
        self.bases: list[Base] = []
        self.operations: list[Operation] = []
        self._made = 0  # bytes
        self._lent: list[Any] = []  # arguments that copies stand for
        self._index: dict[int, tuple[int, int]] = {}  # by owner: base, its address

    def add(self, kind: str, x: Any) -> Part:
        """Return x as all of a new base.

        Raises:
            TooLarge: if operations made more than `MOST` bytes.
        """
        self._made += x.nbytes if kind in ("made", "result") else 0
        if self._made > MOST:
            msg = f"A tape expected operations to make at most {MOST} bytes."
            raise TooLarge(msg)
        self._index[id(owner_of(x))] = len(self.bases), address_of(x)
        self.bases.append(Base(kind, x))
        return self.part(x)

    def knows(self, x: Any) -> bool:
        """Whether the memory of x is a base."""
        return id(owner_of(x)) in self._index

    def part(self, x: Any) -> Part:
        """Return where x lies.

        Raises:
            Unknown: if its memory is no base.
        """
        found = self._index.get(id(owner_of(x)))
        if found is None:
            msg = f"The tape expected an array that it saw made, got {x!r}."
            raise Unknown(msg)
        base, start = found
        return Part(base, address_of(x) - start, x.shape, x.strides, x.dtype)

    def to_write(self, x: Any) -> Any:
        """Return what stands for x and may be overwritten: of an argument a copy."""
        part = self.part(x)
        base = self.bases[part.base]
        if base.kind != "argument":
            return x
        if not base.written:
            self._lent.append(base.like)
            base.like, base.written = np.array(base.like, order="C"), True
            index = part.base, address_of(base.like)
            self._index[id(owner_of(base.like))] = index
        return np.ndarray(x.shape, x.dtype, base.like, part.offset, x.strides)

    def empty(self, shape: Shape, dtype: Any) -> Any:
        """Return a new array, as `numpy_buffers.empty`."""
        x = np.empty(shape, dtype)
        self.add("made", x)
        return x

    def zeros(self, shape: Shape, dtype: Any) -> Any:
        """Return a new array that every run fills with zeros."""
        zero = np.zeros((), dtype)
        self.add("constant", zero)
        return self.copy(np.broadcast_to(zero, shape))

    def copy(self, x: Any) -> Any:
        """Return a copy of x that every run makes anew."""
        out = self.empty(x.shape, x.dtype)
        out[...] = x
        copying = Pass("copy", (self.part(x),), self.part(out), (out.dtype,))
        self.operations.append(copying)
        return out

    def run(self, compiled: Any, arguments: tuple[Any, ...]) -> Any:
        """Run a compiled loop, and record it.

        Raises:
            Unknown: if an argument is an array of unknown memory.
        """
        noted = tuple(map(self._noted, arguments))
        values = (a.value if isinstance(a, Number) else a for a in arguments)
        result = compiled(*values)
        self.operations.append(Loop(compiled, noted))
        return result

    def forget(self) -> None:
        """Let go of the arrays of the run that was traced, but for the constants."""
        self._lent, self._index = [], {}
        for base in self.bases:
            if base.kind != "constant":
                base.like = None

    def _noted(self, argument: Any) -> Any:
        if not isinstance(argument, np.ndarray) or is_team(argument):
            return argument
        return self.part(argument)


def parts_of(operation: Operation) -> list[Part]:
    """Return what an operation reads and writes."""
    parts: list[Part] = []
    mapped(tuple(operation), (Part, Number), lambda x: parts.append(_part(x)))
    return parts


def mapped(tree: Any, kinds: Any, function: Callable[[Any], Any]) -> Any:
    """Return a tree with function(x) in place of each x of some kinds."""
    if isinstance(tree, kinds):
        return function(tree)
    if isinstance(tree, dict):
        return {name: mapped(x, kinds, function) for name, x in tree.items()}
    if isinstance(tree, tuple | list):
        parts = [mapped(x, kinds, function) for x in tree]
        named = hasattr(tree, "_fields")
        return type(tree)(*parts) if named else type(tree)(parts)
    return tree


def alike(one: Tape, other: Tape) -> bool:
    """Whether two tapes of a function say the same, down to every constant."""
    return (
        len(one.bases) == len(other.bases)
        and all(map(_same_base, one.bases, other.bases))
        and _same(*([tuple(o) for o in tape.operations] for tape in (one, other)))
    )


def address_of(x: Any) -> int:
    """Return where the first element of an array lies."""
    address: int = x.__array_interface__["data"][0]
    return address


def owner_of(x: Any) -> Any:
    """Return the array that owns the memory of x."""
    while isinstance(x.base, np.ndarray):
        x = x.base
    return x


def _part(x: Part | Number) -> Part:
    return x.part if isinstance(x, Number) else x


def _same_base(one: Base, other: Base) -> bool:
    return one.kind == other.kind and (
        one.kind != "constant" or _same(one.like, other.like)
    )


def _same(one: Any, other: Any) -> bool:
    """Whether two arguments are of one kind and equal."""
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.tobytes() == other.tobytes()
    if isinstance(one, Number):
        return one.part == other.part
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(
            _same(x, other[name]) for name, x in one.items()
        )
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other) or one is other
