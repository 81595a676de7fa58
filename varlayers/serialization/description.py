"""Descriptions: frozen objects and nested dicts as JSON, with their arrays beside.

    value                                  content
    None, bool, int, float, str            itself
    list, dict with string names           itself, entry by entry
    tuple                                  {"$tuple": […]}
    object of a registered class           {"$class": "layers.Dense", its fields}
    entry of a registry's table            {"$named": "activations.relu"}
    `Constant`                             {"$constant": name of its array}
    array of any library                   {"$array": name of its array}

The name of an array is its place in the value, "params.0.kernel.loc" for instance.
`rebuild` makes the value again.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from numbers import Integral, Real
from typing import Any, NamedTuple

from array_api_compat import is_array_api_obj

from varlayers.constants import Constant
from varlayers.serialization.arrays import to_host
from varlayers.serialization.registry import class_name, entry_name
from varlayers.types import Array

__all__ = ["Description", "describe"]


class Description(NamedTuple):
    """What `describe` returns.

    Attributes:
        content: what `json.dumps` takes.
        arrays: host arrays, by the names that `content` mentions.
    """

    content: Any
    arrays: dict[str, Any]


def describe(value: Any) -> Description:
    """Return a description from which `rebuild` makes an equal value.

    Args:
        value: a layer, likelihood, optimizer, …; or a dict, list or tuple of these, of
            arrays, numbers and strings. The arrays are not copied.

    Raises:
        TypeError: if a part is of a kind that cannot be described.
        ValueError: if two arrays have the same dotted name.

    Example:
        >>> import varlayers as vl
        >>> vl.describe(vl.Dropout(0.1)).content
        {'$class': 'layers.Dropout', 'rate': 0.1}
    """
    arrays: dict[str, Any] = {}
    return Description(_encode(value, "", arrays), arrays)


def _encode(value: Any, path: str, arrays: dict[str, Any]) -> Any:
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, Real):
        return int(value) if isinstance(value, Integral) else float(value)
    if isinstance(value, list):
        return _encode_sequence(value, path, arrays)
    if type(value) is tuple:
        return {"$tuple": _encode_sequence(value, path, arrays)}
    if isinstance(value, Mapping):
        return _encode_dict(value, path, arrays)
    if isinstance(value, Constant):
        return {"$constant": _add(value.array, path, arrays)}
    if is_array_api_obj(value):
        return {"$array": _add(value, path, arrays)}
    return _encode_registered(value, path, arrays)


def _encode_sequence(value: Any, path: str, arrays: dict[str, Any]) -> list[Any]:
    return [_encode(v, _join(path, str(i)), arrays) for i, v in enumerate(value)]


def _encode_dict(
    value: Mapping[Any, Any], path: str, arrays: dict[str, Any]
) -> dict[str, Any]:
    for name in value:
        if not isinstance(name, str) or name.startswith(("$", "__")):
            msg = (
                "describe expected names that are strings and do not start with '$' "
                f"or '__', got {name!r} in {_where(path)}."
            )
            raise TypeError(msg)
    return {name: _encode(v, _join(path, name), arrays) for name, v in value.items()}


def _encode_registered(value: Any, path: str, arrays: dict[str, Any]) -> dict[str, Any]:
    if name := class_name(type(value)):
        parts = {field: getattr(value, field) for field in _fields(type(value))}
        return {"$class": name, **_encode_dict(parts, path, arrays)}
    if name := entry_name(value):
        return {"$named": name}
    msg = (
        "describe expected an array, a number, a string, or an object of a registered "
        f"class, got {type(value).__name__} in {_where(path)}. "
        "Register its class with varlayers.register_class."
    )
    raise TypeError(msg)


def _add(array: Array, path: str, arrays: dict[str, Any]) -> str:
    name = path or "array"
    if name in arrays:
        msg = f"describe expected one array {name!r}, got two. Avoid '.' in names."
        raise ValueError(msg)
    arrays[name] = to_host(array)
    return name


def _fields(cls: Any) -> tuple[str, ...]:
    if is_dataclass(cls):
        return tuple(field.name for field in fields(cls) if field.init)
    return tuple(cls._fields)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _where(path: str) -> str:
    return f"`{path}`" if path else "the value itself"
