"""Numbers of a function that is captured as a CUDA graph: they stand on a board.

A graph launches its kernels with the arguments of the first time. What differs from run
to run, such as the words of a key or the number of a step, is read from memory instead,
the board, which is written before each launch. On it stand

    arguments   of the function
    formulas    of other numbers, computed by the host in Python's arithmetic
    children    of keys, derived by a kernel (`fold_in`, `split`)

"""

import struct
from collections.abc import Callable
from typing import Any

import cupy
import numpy as np

from varlayers_backends.cupy_launch import each, launch
from varlayers_backends.cupy_numbers import VALUES, Number, is_derived
from varlayers_backends.tracing import TRACING

__all__ = ["Board", "child_key", "given"]

_LINE = np.dtype([("words", np.uint32, 512)])  # as in board.cuh
_WORDS = 1 << 14  # of a board
_WORD = np.dtype(np.uint32)
_CODES = {"uint32": "I", "float32": "f", "float64": "d"}
_MASK = 0xFFFFFFFF


class Board:
    """What numbers a function computes, and where they stand.

    Args:
        like: an array on the device of the memory.
        constants: arrays that the function has sent from the host before.

    Attributes:
        constants: those that it sends.
    """

    def __init__(self, like: Any, constants: list[Any] | None = None) -> None:
        self._sent = list(constants or ())
        self.constants: list[Any] = []
        with like.device:
            self._memory = cupy.zeros((_WORDS,), np.uint32)
        self._inputs: list[str] = []
        self._lines: list[str] = []
        self._names: dict[str, Any] = {}
        self._codes: list[str] = []
        self._told: list[str] = []
        self._children: list[tuple[int, ...]] = []
        self._places: dict[Any, int] = {}
        self._used = 0  # words

    def same_as(self, other: "Board") -> bool:
        """Whether both have the same numbers in the same places."""
        return all(
            getattr(self, name) == getattr(other, name)
            for name in ("_inputs", "_lines", "_names", "_codes", "_told", "_children")
        )

    def argument(self, value: Any) -> Number:
        """Return an argument of the function."""
        self._inputs.append(f"x{len(self._inputs)}")
        return Number(self, self._inputs[-1], value)

    def apply(self, function: Callable[..., Any], *operands: Any) -> Number:
        """Return function(*operands) of numbers."""
        if any(map(is_derived, operands)):
            raise TypeError(VALUES)
        value = function(*(x.value if isinstance(x, Number) else x for x in operands))
        arguments = ", ".join(map(self._expression, operands))
        name = f"v{len(self._lines)}"
        self._lines.append(f"{name} = {self._expression(function)}({arguments})")
        return Number(self, name, value)

    def constant(self, make: Callable[[], Any]) -> Any:
        """Return an array from the host: the one of before, if the host sent it."""
        count = len(self.constants)
        self.constants.append(self._sent[count] if count < len(self._sent) else make())
        return self.constants[-1]

    def child(self, k0: Any, k1: Any, data: Any, domain: int) -> tuple[Number, Number]:
        """Return the words of a key's child."""
        places = [
            x.name if is_derived(x) else self._place_of((x,), _WORD)
            for x in (k0, k1, data)
        ]
        at = self._room(2)
        self._children.append((*places, at, domain))
        return Number(self, at, None), Number(self, at + 1, None)

    def place(self, numbers: tuple[Any, ...], dtype: Any) -> Any:
        """Return an array of numbers, side by side on the board."""
        if any(map(is_derived, numbers)):
            start = numbers[0].name if is_derived(numbers[0]) else -1
            side_by_side = [start + i for i in range(len(numbers))]
            if (
                dtype != _WORD
                or [getattr(x, "name", -1) for x in numbers] != side_by_side
            ):
                raise TypeError(VALUES)
        else:
            start = self._place_of(numbers, dtype)
        end = start + len(numbers) * dtype.itemsize // 4
        return self._memory[start:end].view(dtype)

    def finish(self, results: list[Number]) -> None:
        """Make what writes the board and returns these numbers."""
        told, made = (
            ", ".join(each) for each in (self._told, [x.name for x in results])
        )
        inputs, lines = ", ".join(self._inputs), "; ".join([*self._lines, "pass"])
        text = f"def values({inputs}):\n {lines}\n return [{told}], [{made}]"
        names = dict(self._names)
        exec(text, names)
        self._values = names["values"]
        self._pack = struct.Struct("=" + "".join(self._codes)).pack_into
        count = -(-self._used // _LINE["words"].shape[0])
        self._host = np.zeros(max(count, 1), _LINE)
        with self._memory.device:
            self._table = cupy.asarray(np.array(self._children, np.uint32).reshape(-1))

    def write(self, arguments: list[Any]) -> list[Any]:
        """Put the numbers on the board, on the current stream; return the results.

        Raises:
            OverflowError: if a number is too large for its place.
        """
        told, results = self._values(*arguments)
        try:
            self._pack(self._host.view(np.uint8).data, 0, *told)
        except struct.error as error:
            raise OverflowError(str(error)) from error
        length = _LINE["words"].shape[0]
        for start in range(0, self._used, length):
            count = min(length, self._used - start)
            line = self._host[start // length]
            each("put", self._memory, count, line, count, self._memory[start:])
        if self._children:
            given = self._table, len(self._children), self._memory
            launch("derive", self._memory, (1,), (1,), *given)
        return list(results)

    def _place_of(self, numbers: tuple[Any, ...], dtype: Any) -> int:
        """Return where numbers that the host computes stand: put there, if need be."""
        key = (*map(self._expression, numbers), str(dtype))
        if key not in self._places:
            self._places[key] = self._put(numbers, dtype)
        return self._places[key]

    def _put(self, numbers: tuple[Any, ...], dtype: Any) -> int:
        """Return a new place for numbers that the host computes."""
        words = dtype.itemsize // 4
        if self._used % words:
            self._room(1)
        at = self._room(words * len(numbers), padded=False)
        for x in numbers:
            self._codes.append(_CODES[dtype.name])
            self._told.append(self._expression(x))
        return at

    def _room(self, words: int, *, padded: bool = True) -> int:
        at, self._used = self._used, self._used + words
        if self._used > _WORDS:
            msg = f"A board expected at most {_WORDS} words, got more."
            raise ValueError(msg)
        if padded:
            self._codes.append(f"{4 * words}x")
        return at

    def _expression(self, x: Any) -> str:
        """Return what stands for a number, a constant or a function in the code."""
        if isinstance(x, Number):
            name: str = x.name
            return name
        if type(x) in (int, float, bool):
            return f"({x!r})" if x == x and abs(x) != np.inf else f"float('{x}')"
        for name, known in self._names.items():
            if known is x:
                return name
        self._names[f"f{len(self._names)}"] = x
        return f"f{len(self._names) - 1}"


def given(dtype: Any, *numbers: Any) -> tuple[Any, ...]:
    """Return numbers as a launch takes them, and then where they stand on the board.

    The latter is None, and the launch has their values, if Python knows them all.
    """
    kind = np.dtype(dtype)
    if not any(isinstance(x, Number) for x in numbers):
        return *map(kind.type, numbers), None
    return *(kind.type(0) for _ in numbers), TRACING.board.place(numbers, kind)


def child_key(k0: Any, k1: Any, data: Any, domain: int) -> tuple[Number, Number]:
    """Return the words of a key's child; see `varlayers.random.fold_in`."""
    pair: tuple[Number, Number] = TRACING.board.child(k0, k1, data, domain)
    return pair
