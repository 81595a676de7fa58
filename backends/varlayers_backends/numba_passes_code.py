"""The elementwise operations of a tape, as functions in LLVM's language.

A function is written once for operations of the same name and dtypes whose arrays are
walked alike: along so many axes, by steps of 0, of 1, or of a number that is given. It
is a nest of loops, left to LLVM to make of vectors. A tape of thousands of operations
has a few dozen of them.
"""

import math
from collections.abc import Callable
from itertools import count
from typing import Any

from varlayers.types import Shape
from varlayers_backends.numba_tape import Part, Pass

__all__ = ["Passes", "converted", "result_of", "stored"]

_ARITHMETIC = {"add": "add", "subtract": "sub", "multiply": "mul", "divide": "div"}
_COMPARISONS = {
    "equal": ("oeq", "eq", "eq"),
    "not_equal": ("une", "ne", "ne"),
    "less": ("olt", "slt", "ult"),
    "less_equal": ("ole", "sle", "ule"),
    "greater": ("ogt", "sgt", "ugt"),
    "greater_equal": ("oge", "sge", "uge"),
}  # of floating-point numbers, of signed ones, of unsigned ones


def result_of(operation: Pass, values: list[str], let: Callable[[str], str]) -> str:
    """Write an operation on values; return the name of the result, as it is stored.

    Args:
        operation: its dtypes are those of the values.
        values: names.
        let: writes a line of code, and returns the name of what that defines.
    """
    name, dtype = operation.name, operation.dtypes[0]
    if name == "copy":  # of any dtype
        return values[0]
    bits, floating = 8 * dtype.itemsize, dtype.kind == "f"
    kind = stored(dtype)
    both = f"{kind} {', '.join(values)}"
    if name in _COMPARISONS:
        ways = _COMPARISONS[name]
        compare = (
            f"fcmp {ways[0]}" if floating else f"icmp {ways[1 + (dtype.kind != 'i')]}"
        )
        return let(f"zext i1 {let(f'{compare} {both}')} to i8")
    if name == "where":
        return _chosen(operation.dtypes[1], values, let)
    if name in ("logical_and", "bitwise_and"):
        return let(f"and {both}")
    if name == "negative":
        return let(f"fneg {both}" if floating else f"sub {kind} 0, {values[0]}")
    if name == "sqrt":
        return let(f"call {kind} @llvm.sqrt.f{bits}({both})")
    if name == "add" and dtype.kind == "b":
        return let(f"or {both}")
    return let(f"{'f' if floating else ''}{_ARITHMETIC[name]} {both}")


def stored(dtype: Any) -> str:
    """Return LLVM's type of an element in memory."""
    kind = f"{dtype.kind}{dtype.itemsize}"
    return {"f4": "float", "f8": "double"}.get(kind, f"i{8 * dtype.itemsize}")


def converted(value: str, before: Any, after: Any, let: Callable[[str], str]) -> str:
    """Return a stored number with another dtype."""
    if before == after:
        return value
    old, new = stored(before), stored(after)
    if after.kind == "b":
        test = f"fcmp une {old} {value}, 0.0"
        if before.kind != "f":
            test = f"icmp ne {old} {value}, 0"
        return let(f"zext i1 {let(test)} to i8")
    if before.kind == after.kind == "f":
        change = "fpext" if after.itemsize > before.itemsize else "fptrunc"
    elif after.kind == "f":
        change = "sitofp" if before.kind == "i" else "uitofp"
    elif before.kind == "f":
        change = "fptosi" if after.kind == "i" else "fptoui"
    elif after.itemsize == before.itemsize:
        return value
    elif after.itemsize < before.itemsize:
        change = "trunc"
    else:
        change = "sext" if before.kind == "i" else "zext"
    return let(f"{change} {old} {value} to {new}")


def _chosen(dtype: Any, values: list[str], let: Callable[[str], str]) -> str:
    kind = stored(dtype)
    first = let(f"trunc i8 {values[0]} to i1")
    return let(f"select i1 {first}, {kind} {values[1]}, {kind} {values[2]}")


class Passes:
    """The functions that are needed.

    Attributes:
        texts: their code.
        elements: of all operations together.
    """

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.elements = 0
        self._names: dict[Any, str] = {}

    def call(self, operation: Pass) -> tuple[str, list[int]]:
        """Return a function's name, and what it is given after the pointers."""
        shape, parts = operation.out.shape, (*operation.inputs, operation.out)
        self.elements += math.prod(shape)
        lengths, steps = _joined(shape, [_spread(part, shape) for part in parts])
        given = [step for row in steps for step in row if step not in (0, 1)]
        walks = tuple(tuple(s if s in (0, 1) else -1 for s in row) for row in steps)
        dtypes = tuple(part.dtype for part in parts)
        form = operation.name, dtypes, operation.dtypes, walks
        if form not in self._names:
            name = self._names[form] = f"pass{len(self._names)}"
            self.texts.append(_Function(name, operation, walks).text())
        return self._names[form], [*lengths, *given]


class _Function:
    """The function of one form, that is being written."""

    def __init__(self, name: str, operation: Pass, walks: Any) -> None:
        self._operation, self._names = operation, count()
        self._kinds = [stored(p.dtype) for p in (*operation.inputs, operation.out)]
        self._lines: list[str] = []
        self._block = "entry"
        given = count()
        steps = [
            [f"%s{next(given)}" if step == -1 else str(step) for step in row]
            for row in walks
        ]
        pointers = [f"%p{i}" for i in range(len(walks))]
        axes = [f"%n{axis}" for axis in range(len(walks[0]))]
        numbers = [*axes, *(s for row in steps for s in row if s.startswith("%"))]
        *inputs, out = pointers
        taken = [*(f"ptr {p}" for p in inputs), f"ptr noalias {out}"]
        arguments = ", ".join([*taken, *(f"i64 {number}" for number in numbers)])
        self._head = f"define internal void @{name}({arguments}) noinline {{"
        self._nest(axes, steps, pointers)

    def text(self) -> str:
        """Return the whole."""
        return "\n".join([self._head, "entry:", *self._lines, "  ret void", "}"])

    def _let(self, code: str) -> str:
        """Write a line that defines a value; return its name."""
        name = f"%v{next(self._names)}"
        self._lines.append(f"  {name} = {code}")
        return name

    def _nest(self, lengths: list[str], steps: Any, pointers: list[str]) -> None:
        """Write a loop along the first axis, with the others in it."""
        if not lengths:
            self._element(pointers)
            return
        number, before = next(self._names), self._block
        index, head, end = f"%i{number}", f"head{number}", f"end{number}"
        self._lines += [f"  br label %{head}", f"{head}:"]
        at = len(self._lines)
        self._block, inner = head, []
        for pointer, kind, step in zip(pointers, self._kinds, steps, strict=True):
            far = index if step[0] == "1" else self._let(f"mul i64 {index}, {step[0]}")
            inner.append(self._let(f"getelementptr {kind}, ptr {pointer}, i64 {far}"))
        self._nest(lengths[1:], [step[1:] for step in steps], inner)
        following = self._let(f"add i64 {index}, 1")
        phi = f"  {index} = phi i64 [0, %{before}], [{following}, %{self._block}]"
        self._lines.insert(at, phi)
        more = self._let(f"icmp ult i64 {following}, {lengths[0]}")
        self._lines += [f"  br i1 {more}, label %{head}, label %{end}", f"{end}:"]
        self._block = end

    def _element(self, pointers: list[str]) -> None:
        values = []
        for part, dtype, pointer in zip(
            self._operation.inputs, self._operation.dtypes, pointers, strict=False
        ):
            value = self._let(f"load {stored(part.dtype)}, ptr {pointer}")
            values.append(converted(value, part.dtype, dtype, self._let))
        result = result_of(self._operation, values, self._let)
        self._lines.append(f"  store {self._kinds[-1]} {result}, ptr {pointers[-1]}")


def _spread(part: Part, shape: Shape) -> list[int]:
    """Return the steps in elements along the axes of a shape to broadcast to."""
    more = len(shape) - len(part.shape)
    own = zip(part.shape, part.strides, strict=True)
    size = part.dtype.itemsize
    return [0] * more + [0 if n == 1 else step // size for n, step in own]


def _joined(shape: Shape, steps: list[list[int]]) -> tuple[list[int], list[Any]]:
    """Return the axes with those joined that can be walked as one."""
    joined: list[tuple[int, list[int]]] = []
    for n, *step in zip(shape, *steps, strict=True):
        if n == 1:
            continue
        if joined and joined[-1][1] == [inner * n for inner in step]:
            joined[-1] = (joined[-1][0] * n, step)
        else:
            joined.append((n, step))
    rows = [[step[i] for _, step in joined] for i in range(len(steps))]
    return [n for n, _ in joined], rows
