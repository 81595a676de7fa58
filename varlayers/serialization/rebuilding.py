"""Rebuild a value from its description; nothing is executed, nothing imported.

A class is one that the registry knows, called with the fields described, or the
description is refused. Every array described must be there, and no other.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from varlayers.constants import Constant
from varlayers.serialization.arrays import check_like, place
from varlayers.serialization.description import Description
from varlayers.serialization.registry import find_class, find_entry
from varlayers.types import Array

__all__ = ["rebuild"]


def rebuild(description: Description, *, like: Array | None = None) -> Any:
    """Return the value that a description describes, in arrays of its own.

    Args:
        description: as `describe` returns it. A field that it leaves out takes its
            default.
        like: whose library and device the arrays get, and whose dtype the floating
            ones; without it they are NumPy's, with the dtypes they had.

    Raises:
        TypeError: if the dtype of `like` is not floating.
        ValueError: if an array is missing or left over, or a class is unknown or does
            not accept its fields.
    """
    check_like(like)
    source = _Source(dict(description.arrays), like)
    value = _decode(description.content, source)
    if source.arrays:
        msg = (
            "rebuild expected no array beside those described, "
            f"got {sorted(source.arrays)}."
        )
        raise ValueError(msg)
    return value


class _Source(NamedTuple):
    """The arrays that are not used yet, and where to place them."""

    arrays: dict[str, Any]
    like: Array | None

    def take(self, name: Any) -> Any:
        if name not in self.arrays:
            msg = f"rebuild expected an array {name!r}, got {sorted(self.arrays)}."
            raise ValueError(msg)
        return self.arrays.pop(name)


def _decode(content: Any, source: _Source) -> Any:
    if isinstance(content, list):
        return [_decode(part, source) for part in content]
    if not isinstance(content, dict):
        return content
    parts = dict(content)
    tag = next((name for name in parts if name.startswith("$")), None)
    if tag is None:
        return {name: _decode(part, source) for name, part in parts.items()}
    if tag not in _TAGS:
        msg = f"rebuild expected a tag in {sorted(_TAGS)}, got {tag!r}."
        raise ValueError(msg)
    return _TAGS[tag](parts.pop(tag), parts, source)


def _decode_class(name: str, fields: dict[str, Any], source: _Source) -> Any:
    cls = find_class(name)
    if cls is None:
        msg = (
            f"rebuild expected a registered class, got {name!r}. Update varlayers, or "
            "register your own class with varlayers.register_class."
        )
        raise ValueError(msg)
    values = {field: _decode(part, source) for field, part in fields.items()}
    try:
        return cls(**values)
    except (TypeError, ValueError) as error:
        msg = f"rebuild expected fields that {name} accepts, got {fields}. {error}"
        raise ValueError(msg) from error


def _decode_named(name: str, fields: dict[str, Any], source: _Source) -> Any:
    entry = find_entry(name)
    if entry is None:
        msg = (
            f"rebuild expected the name of a table's entry, got {name!r}. "
            "Add it to the table first."
        )
        raise ValueError(msg)
    return entry


def _decode_tuple(parts: list[Any], fields: dict[str, Any], source: _Source) -> Any:
    return tuple(_decode(part, source) for part in parts)


def _decode_constant(name: str, fields: dict[str, Any], source: _Source) -> Any:
    return Constant(source.take(name))


def _decode_array(name: str, fields: dict[str, Any], source: _Source) -> Any:
    return place(source.take(name), source.like)


_TAGS: dict[str, Callable[[Any, dict[str, Any], _Source], Any]] = {
    "$array": _decode_array,
    "$class": _decode_class,
    "$constant": _decode_constant,
    "$named": _decode_named,
    "$tuple": _decode_tuple,
}
