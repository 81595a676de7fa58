"""The elementwise operations of a tape, in LLVM's language: values in, value out."""

from collections.abc import Callable
from typing import Any

from varlayers_backends.numba_tape import Pass

__all__ = ["converted", "result_of", "stored"]

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
