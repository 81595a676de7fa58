"""Nested dicts of arrays: visit, combine, and name their leaves.

Parameters, gradients, noise and optimizer state are plain nested dicts, keys in a
fixed order. These few functions are all that the library needs to know about them.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

__all__ = ["items", "leaves", "map_leaves", "unflatten"]


def items(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield ("outer.inner", leaf) for each leaf, in order."""
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from items(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def leaves(tree: Mapping[str, Any]) -> list[Any]:
    """Return the leaves in order."""
    found = []
    for value in tree.values():
        found += leaves(value) if isinstance(value, dict) else [value]
    return found


def map_leaves(
    function: Callable[..., Any], tree: Mapping[str, Any], *others: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a tree of function(leaf, *the same leaf of the others).

    Raises:
        ValueError: if the trees do not have the same names.
    """
    for other in others:
        if tree.keys() != other.keys():
            msg = (
                f"Expected trees with the same names, got {sorted(tree)} "
                f"and {sorted(other)}."
            )
            raise ValueError(msg)
    return {
        name: map_leaves(function, value, *(other[name] for other in others))
        if isinstance(value, dict)
        else function(value, *(other[name] for other in others))
        for name, value in tree.items()
    }


def unflatten(named: Mapping[str, Any]) -> dict[str, Any]:
    """Return the nested dict whose `items` are `named`."""
    tree: dict[str, Any] = {}
    for path, leaf in named.items():
        *parents, name = path.split(".")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[name] = leaf
    return tree
