"""Numbers that Python counts with, and that differ from launch to launch of a graph.

They stand on a board in the device's memory (`cupy_board`). What Python does with one
is written down, and done again by the host before each launch; an array that meets one
meets an array without dimensions. Python cannot look at it: a function that does cannot
be captured.
"""

import operator
from collections.abc import Callable
from typing import Any

import cupy
import numpy as np

from varlayers.types import Shape
from varlayers_backends.cupy_launch import real_of

__all__ = ["VALUES", "Number", "is_derived"]

VALUES = "A captured function cannot depend on the values of its numbers."


class Number:
    """A number on a board.

    Args:
        board: where it stands.
        name: in the code that computes it; of a child, its place.
        value: in the run that is captured; None of a child.
    """

    __array_ufunc__ = None  # CuPy's arrays leave operators to it
    __hash__ = None  # type: ignore[assignment]  # a table would depend on its value
    shape: Shape = ()

    def __init__(self, board: Any, name: Any, value: Any) -> None:
        self.board, self.name, self.value = board, name, value

    def __array_namespace__(self, api_version: str | None = None) -> Any:
        return _Namespace(self.board)

    @property
    def dtype(self) -> Any:
        return np.asarray(self.value).dtype

    @property
    def is_derived(self) -> bool:
        """Whether it is a word of a child, which the host does not know."""
        return self.value is None

    def on_device(self, dtype: Any) -> Any:
        """Return it as an array without dimensions."""
        if dtype.kind != "f":
            raise TypeError(VALUES)
        at = self.board.place((self,), real_of(dtype)).reshape(())
        return at if at.dtype == dtype else at.astype(dtype)


def is_derived(x: Any) -> bool:
    """Whether x is a word of a child, which the host does not know."""
    return isinstance(x, Number) and x.is_derived


class _Namespace:
    """NumPy's functions of numbers on a board."""

    __name__ = "numpy"

    def __init__(self, board: Any) -> None:
        self._board = board

    def __getattr__(self, name: str) -> Any:
        function = getattr(np, name)
        if name == "isdtype" or not callable(function):
            return function
        return lambda *given: self._board.apply(_item_of(function), *given)

    def astype(self, x: Number, dtype: Any) -> Number:
        return x  # it takes the dtype of what it meets


_ITEM_OF: dict[Any, Callable[..., Any]] = {}


def _item_of(function: Any) -> Callable[..., Any]:
    """Return the function, with a number of Python's as its result."""
    if function not in _ITEM_OF:
        _ITEM_OF[function] = lambda *given: np.asarray(function(*given)).item()
    return _ITEM_OF[function]


# ---- operators ----------------------------------------------------------------------


def _operator(function: Any, *, turned: bool = False) -> Any:
    def apply(self: Number, *other: Any) -> Any:
        operands = (*other, self) if turned else (self, *other)
        arrays = [x for x in other if isinstance(x, cupy.ndarray)]
        if not arrays:
            return self.board.apply(function, *operands)
        dtype = arrays[0].dtype
        return function(
            *(x.on_device(dtype) if isinstance(x, Number) else x for x in operands)
        )

    return apply


def _refused(self: Number) -> Any:
    raise TypeError(VALUES)


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow"):
    _function = getattr(operator, _name)
    setattr(Number, f"__{_name}__", _operator(_function))
    setattr(Number, f"__r{_name}__", _operator(_function, turned=True))
for _name in ("eq", "ne", "lt", "le", "gt", "ge", "neg", "pos", "abs"):
    setattr(Number, f"__{_name}__", _operator(getattr(operator, _name)))
for _name in ("bool", "int", "float", "index", "complex"):
    setattr(Number, f"__{_name}__", _refused)
