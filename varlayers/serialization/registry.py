"""What a description may mention, by name: the library's classes and named instances.

A folder's `__init__` is its registry. Each frozen dataclass of its `__all__` is known
as "folder.Class", and each entry of its table, the folder's name in capitals, as
"folder.entry". So a new layer, estimator or prior joins by the line that makes it
public there, and a user's own class by `register_class`.

Names are looked up, never imported: a name that a file holds can reach nothing else.
"""

from collections.abc import Mapping
from dataclasses import is_dataclass
from functools import cache
from importlib import import_module
from typing import Any, TypeVar

from varlayers.random import Key

__all__ = ["class_name", "entry_name", "find_class", "find_entry", "register_class"]

_C = TypeVar("_C", bound=type)

_KINDS = (
    "activations",
    "divergences",
    "elbo",
    "estimators",
    "initializers",
    "layers",
    "likelihoods",
    "optimizers",
    "posteriors",
    "priors",
)
_REGISTERED: dict[str, type] = {"random.Key": Key}


def register_class(cls: _C, name: str | None = None) -> _C:
    """Let descriptions, and so files, mention a class. Usable as a decorator.

    Args:
        cls: a frozen dataclass or a named tuple.
        name: by which files mention it; the class's own name by default.

    Returns:
        The class.

    Raises:
        TypeError: if it is no frozen dataclass and no named tuple.
        ValueError: if the name is that of another class.

    Example:
        >>> from dataclasses import dataclass
        >>> import varlayers as vl
        >>> @vl.register_class
        ... @dataclass(frozen=True)
        ... class Laplace:
        ...     scale: float = 1.0
        >>> vl.describe(Laplace(2.0)).content
        {'$class': 'Laplace', 'scale': 2.0}
    """
    if not _is_frozen_dataclass(cls) and not hasattr(cls, "_fields"):
        msg = (
            "register_class expected a frozen dataclass or a named tuple `cls`, "
            f"got {cls!r}."
        )
        raise TypeError(msg)
    name = cls.__name__ if name is None else name
    other = find_class(name)
    if other is not None and _full_name(other) != _full_name(cls):
        msg = (
            f"register_class expected an unused `name`, got {name!r}, which is "
            f"{_full_name(other)}. Give another."
        )
        raise ValueError(msg)
    _REGISTERED[name] = cls
    return cls


def find_class(name: str) -> type | None:
    """Return the class of a name, or None."""
    return _REGISTERED.get(name) or _library_classes().get(name)


def class_name(cls: type) -> str | None:
    """Return the name of a class, or None."""
    for name, known in (_library_classes() | _REGISTERED).items():
        if known is cls:
            return name
    return None


def find_entry(name: str) -> Any:
    """Return the table entry of a name such as "activations.relu", or None."""
    kind, _, entry = name.partition(".")
    return _table(kind).get(entry) if kind in _KINDS else None


def entry_name(value: Any) -> str | None:
    """Return the name of a table entry that equals value, or None."""
    for kind in _KINDS:
        for name, entry in _table(kind).items():
            if type(entry) is type(value) and entry == value:
                return f"{kind}.{name}"
    return None


def _table(kind: str) -> Mapping[str, Any]:
    table = getattr(_module(kind), kind.upper())
    return table if isinstance(table, Mapping) else {}


@cache
def _library_classes() -> dict[str, type]:
    return {
        f"{kind}.{name}": getattr(_module(kind), name)
        for kind in _KINDS
        for name in _module(kind).__all__
        if _is_frozen_dataclass(getattr(_module(kind), name))
    }


def _module(kind: str) -> Any:
    return import_module(f"varlayers.{kind}")


def _is_frozen_dataclass(value: Any) -> bool:
    return (
        isinstance(value, type)
        and is_dataclass(value)
        and bool(value.__dataclass_params__.frozen)  # type: ignore[attr-defined]
    )


def _full_name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"
