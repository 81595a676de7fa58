"""Arrays that stand in for NumPy's while a function is written on a tape.

A `Traced` holds the array of the run that is traced; whatever is done with it is done
with that array, and recorded: `numba_operations` has operators and functions of
elements, `numba_namespace` the functions, `numba_traced_kernels` the kernels.

A number that Python hands to the function is traced too: it is `weak`, an array of no
dimensions that takes the dtype of what it meets, as Python's numbers do.
"""

from typing import Any

import numpy as np

from varlayers_backends.numba_tape import Number, Part, mapped
from varlayers_backends.tracing import TRACING

__all__ = [
    "VALUES",
    "Traced",
    "constant",
    "is_constant",
    "kind_of",
    "leaves",
    "noted",
    "number_of",
    "part_of",
    "values",
]

VALUES = "A traced function cannot depend on the values of its arrays."


class Traced:
    """An array on the tape.

    Args:
        value: the array of the run that is traced.
        weak: whether it is a number of Python's.
        lasting: whether it is a constant that another tape may meet.
    """

    __slots__ = ("lasting", "value", "weak")
    __array_ufunc__ = None  # NumPy's arrays leave operators to it
    __hash__ = None  # type: ignore[assignment]  # a table would depend on its value

    def __init__(self, value: Any, weak: bool = False, lasting: bool = False) -> None:
        self.value, self.weak, self.lasting = value, weak, lasting

    def __repr__(self) -> str:
        return f"Traced(shape={self.shape}, dtype={self.dtype})"

    def __array_namespace__(self, api_version: str | None = None) -> Any:
        from varlayers_backends.numba_namespace import NAMESPACE

        return NAMESPACE

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        msg = "A traced function cannot hand its arrays to NumPy. Use k.xp."
        raise TypeError(msg)

    def __bool__(self) -> bool:
        raise TypeError(VALUES)

    def __len__(self) -> int:
        return len(self.value)

    @property
    def shape(self) -> Any:
        return self.value.shape

    @property
    def dtype(self) -> Any:
        return self.value.dtype

    @property
    def ndim(self) -> int:
        return int(self.value.ndim)

    @property
    def size(self) -> int:
        return int(self.value.size)

    @property
    def device(self) -> str:
        return "cpu"

    @property
    def T(self) -> "Traced":
        return Traced(self.value.T, lasting=self.lasting)

    @property
    def mT(self) -> "Traced":
        return Traced(self.value.mT, lasting=self.lasting)


def constant(value: Any) -> Traced:
    """Return an array that is the same in every run."""
    return Traced(np.array(value), lasting=True)


def kind_of(x: Any) -> Any:
    """Return the dtype of an array, the type of a number."""
    if isinstance(x, Traced) and x.weak:
        return type(x.value.item())
    if type(x) in (int, float):
        return type(x)
    return x.dtype if hasattr(x, "dtype") else np.asarray(x).dtype


def part_of(x: Traced) -> Part:
    """Return where x lies.

    Raises:
        Unknown: if x belongs to another tape.
    """
    if x.lasting and not TRACING.tape.knows(x.value):
        TRACING.tape.add("constant", x.value)
    part: Part = TRACING.tape.part(x.value)
    return part


def is_constant(x: Traced) -> bool:
    """Whether x is the same in every run."""
    return bool(TRACING.tape.bases[part_of(x).base].kind == "constant")


def values(given: Any) -> Any:
    """Return a tree with the arrays and numbers of this run."""
    return mapped(given, Traced, lambda x: x.value.item() if x.weak else x.value)


def noted(given: Any) -> Any:
    """Return a tree with parts and numbers."""
    return mapped(given, Traced, lambda x: number_of(x) if x.weak else part_of(x))


def number_of(x: Traced) -> Number:
    """Return a number as a compiled loop is given it."""
    return Number(part_of(x), x.value.item())


def leaves(given: Any) -> list[Traced]:
    """Return what is traced in a tree."""
    found: list[Traced] = []
    mapped(given, Traced, found.append)
    return found
