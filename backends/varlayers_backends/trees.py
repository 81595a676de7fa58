"""Trees of arguments and results, taken apart and put together by code made for them.

A tree is of dicts, tuples and lists; a walk over it in general costs more than a small
network's arithmetic, so here each tree gets a function of straight code.

    kind_of     what a tree is: names, and of each leaf its kind
    taker       tree -> leaves, or None where the tree is another
    maker       results -> tree
"""

from collections.abc import Callable, Hashable
from typing import Any

import numpy as np

__all__ = ["Leaf", "kind_of", "maker", "taker"]


class Leaf(Exception):
    """A leaf that is neither an array nor a number."""


def kind_of(tree: Any, array: type = np.ndarray) -> Hashable:
    """Return what a program is made for: names, shapes, dtypes, and kinds of numbers.

    Raises:
        Leaf: if there is another leaf than arrays of that type, numbers and None.
    """
    kind: Any = type(tree)
    if kind is array and tree.dtype.kind in "biufc" and tree.dtype.isnative:
        return tree.shape, tree.dtype
    if kind is dict:
        return (dict, *tree, *(kind_of(x, array) for x in tree.values()))
    if issubclass(kind, tuple | list):
        return (kind, *(kind_of(x, array) for x in tree))
    if kind in (float, int, type(None)):
        return kind
    msg = f"A program expected native arrays, numbers and None, got {kind.__name__}."
    raise Leaf(msg)


def taker(tree: Any) -> Callable[[Any], list[Any] | None]:
    """Return tree -> leaves, for trees of the same names and kinds of leaves.

    Shapes and dtypes are not looked at.
    """
    lines, leaves, kinds = [], [], {}

    def take(node: Any, name: str) -> None:
        kind = type(node)
        kinds[kind.__name__] = kind
        wrong = f"type({name}) is not {kind.__name__}"
        if isinstance(node, dict | tuple | list):
            wrong += f" or len({name}) != {len(node)}"
        lines.append(f"if {wrong}: return None")
        if not isinstance(node, dict | tuple | list):
            if node is not None:
                leaves.append(name)
            return
        each = node.items() if isinstance(node, dict) else enumerate(node)
        for key, inner in each:
            own = f"v{len(lines)}"
            lines.append(f"{own} = {name}[{key!r}]")
            take(inner, own)

    take(tree, "tree")
    lines.append(f"return [{', '.join(leaves)}]")
    exact = _function("tree", lines, kinds)

    def taken(tree: Any) -> list[Any] | None:
        try:
            leaves: list[Any] | None = exact(tree)
        except KeyError:
            return None
        return leaves

    return taken


def maker(tree: Any, place: Callable[[Any], str]) -> Callable[..., Any]:
    """Return results -> tree, where place(leaf) says in code what stands there.

    The code may use `results`; where it is empty the leaf itself stands there.

    Raises:
        Leaf: if there is another tree than a dict, a list, or a tuple with its fields.
    """
    names: dict[str, Any] = {}

    def make(node: Any) -> str:
        if type(node) is dict:
            return "{" + ", ".join(f"{k!r}: {make(x)}" for k, x in node.items()) + "}"
        if type(node) in (tuple, list) or hasattr(node, "_fields"):
            inner = "".join(f"{make(x)}, " for x in node)
            if type(node) is list:
                return f"[{inner}]"
            if type(node) is tuple:
                return f"({inner})"
            return f"{_named(names, type(node))}({inner})"
        if isinstance(node, dict | tuple | list):
            msg = (
                f"A program expected to return plain trees, got {type(node).__name__}."
            )
            raise Leaf(msg)
        return place(node) or _named(names, node)

    return _function("results", [f"return {make(tree)}"], names)


def _named(names: dict[str, Any], value: Any) -> str:
    """Return a new name for a value."""
    name = f"n{len(names)}"
    names[name] = value
    return name


def _function(argument: str, lines: list[str], names: dict[str, Any]) -> Any:
    """Return the function of one argument with these lines."""
    text = f"def function({argument}):\n" + "".join(f"    {x}\n" for x in lines)
    exec(text, names)
    return names["function"]
