"""The elementwise operations of a tape, in LLVM's language: values in, value out."""

from collections.abc import Callable
from typing import Any

from varlayers_backends.numba_tape import Pass

__all__ = ["result_of"]

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
    kind = {32: "float", 64: "double"}[bits] if floating else f"i{bits}"
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


def _chosen(dtype: Any, values: list[str], let: Callable[[str], str]) -> str:
    kind = f"i{8 * dtype.itemsize}"
    if dtype.kind == "f":
        kind = "float" if dtype.itemsize == 4 else "double"
    first = let(f"trunc i8 {values[0]} to i1")
    return let(f"select i1 {first}, {kind} {values[1]}, {kind} {values[2]}")
