"""Checks at the public boundary, each with one message."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from varlayers.kernels import Kernels
from varlayers.types import Array, Layer, Noise, Params, Shape

__all__ = [
    "check_arrays",
    "check_input",
    "check_layers",
    "check_size",
    "lookup",
    "per_axis",
]

_T = TypeVar("_T")
_MAKE = {"parameters": "Make them with init.", "noise": "Make them with draw."}


def lookup(owner: str, argument: str, value: Any, table: Mapping[str, _T]) -> _T | Any:
    """Return the entry that a string names, or `value` itself if it is no string.

    Raises:
        TypeError: if value is a class, not an instance of one.
        ValueError: if the string names nothing.
    """
    if isinstance(value, type):
        msg = (
            f"{owner} expected an instance for `{argument}`, got the class "
            f"{value.__name__}. Write {value.__name__}()."
        )
        raise TypeError(msg)
    if not isinstance(value, str):
        return value
    if value not in table:
        msg = f"{owner} expected `{argument}` in {sorted(table)}, got {value!r}."
        raise ValueError(msg)
    return table[value]


def check_size(owner: str, argument: str, value: Any, least: int = 1) -> None:
    """Raise unless value is an integer >= least."""
    if isinstance(value, bool) or not isinstance(value, int):
        msg = f"{owner} expected an integer `{argument}`, got {value!r}."
        raise TypeError(msg)
    if value < least:
        msg = f"{owner} expected `{argument}` >= {least}, got {value}."
        raise ValueError(msg)


def per_axis(owner: str, argument: str, value: Any, rank: int, least: int = 1) -> Shape:
    """Return an integer >= least per axis, from one for all or one for each.

    Raises:
        TypeError: if an entry is not an integer.
        ValueError: if it is < least, or their number is not the rank.
    """
    entries = tuple(value) if isinstance(value, Sequence) else (value,) * rank
    if len(entries) != rank:
        msg = (
            f"{owner} expected `{argument}` with one integer or {rank}, one for each "
            f"axis, got {value!r}."
        )
        raise ValueError(msg)
    for entry in entries:
        check_size(owner, argument, entry, least)
    return entries


def check_input(owner: str, k: Kernels, x: Array, like: Array) -> None:
    """Raise unless x has a real floating dtype, that of the parameters.

    Values are never inspected: a NaN in x comes out as NaN.
    """
    if not k.xp.isdtype(x.dtype, "real floating"):
        msg = (
            f"{owner} expected `x` of a floating dtype, got {x.dtype}. "
            "Convert it, for example to float32."
        )
        raise TypeError(msg)
    if type(x).__module__ == type(like).__module__ and x.dtype != like.dtype:
        msg = (
            f"{owner} expected `x` of dtype {like.dtype}, as its parameters, "
            f"got {x.dtype}. Convert one of the two."
        )
        raise TypeError(msg)


def check_arrays(
    owner: str, what: str, arrays: Any, shapes: Mapping[str, Any], place: str = ""
) -> None:
    """Raise unless `arrays` is a dict of these names, with arrays of these shapes.

    Args:
        owner: who checks.
        what: what the arrays are, "parameters" or "noise".
        arrays: what is checked.
        shapes: by name the shape, or a dict of the names and shapes below it.
        place: dotted name of the dict, for the messages.
    """
    nested = isinstance(arrays, Mapping)
    if not nested or arrays.keys() != shapes.keys():
        msg = (
            f"{owner} expected {what}{f' `{place}` with' if place else ''} "
            f"{sorted(shapes)}, got "
            f"{sorted(arrays) if nested else type(arrays).__name__}. "
            f"{_MAKE[what]}"
        )
        raise ValueError(msg)
    for name, shape in shapes.items():
        path, array = f"{place}.{name}" if place else name, arrays[name]
        if isinstance(shape, Mapping):
            check_arrays(owner, what, array, shape, path)
        elif tuple(array.shape) != tuple(shape):
            msg = (
                f"{owner} expected {what} `{path}` of shape {tuple(shape)}, "
                f"got {tuple(array.shape)}."
            )
            raise ValueError(msg)


def check_layers(
    owner: str, layers: Mapping[str, Layer], params: Params, noise: Noise
) -> None:
    """Raise if params or noise have a name that is none of a container's layers.

    A name that is missing is left to its layer.
    """
    learning = [name for name, layer in layers.items() if layer.has_parameters]
    given = (("parameters", params, learning), ("noise", noise, list(layers)))
    for what, parts, names in given:
        surplus = sorted(parts.keys() - set(names))
        if surplus:
            msg = (
                f"{owner} expected {what} of layers {names}, got {surplus} beside "
                f"them. {_MAKE[what]}"
            )
            raise ValueError(msg)
