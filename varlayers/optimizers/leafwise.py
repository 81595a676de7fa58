"""One optimizer step, leaf by leaf: what every update rule shares.

The trees are checked here, once per step, so that a gradient of another model fails
with the name of the parameter and does not broadcast.
"""

from collections.abc import Callable, Mapping
from typing import Any

from varlayers.dispatch import kernels_for
from varlayers.tree import items, map_leaves
from varlayers.types import Array, Params

__all__ = ["check_update", "rate_like", "update_leaves", "zeros_like"]


def zeros_like(params: Params) -> dict[str, Any]:
    """Return zeros with the names, shapes, dtypes and devices of params."""
    return map_leaves(lambda leaf: kernels_for(leaf).xp.zeros_like(leaf), params)


def update_leaves(
    rule: Callable[..., tuple[Array, ...]], params: Params, *others: Params
) -> tuple[dict[str, Any], ...]:
    """Apply rule(param, *the same leaf of the others) to each leaf.

    Args:
        rule: returns the new param and what replaces the first few of the others; as
            many arrays as it has arguments, less the gradient.
        params: the parameters.
        others: gradients first, then the moments.

    Returns:
        The new params and moments, one tree each.
    """
    updated: tuple[dict[str, Any], ...] = tuple({} for _ in others)
    for name, param in params.items():
        rest = [other[name] for other in others]
        inner = isinstance(param, dict)
        made = update_leaves(rule, param, *rest) if inner else rule(param, *rest)
        for tree, new in zip(updated, made, strict=True):
            tree[name] = new
    return updated


def rate_like(rate: Any, param: Array) -> Any:
    """Return the rate: a float as it is, one traced by JAX with param's dtype."""
    if isinstance(rate, float):
        return rate
    return kernels_for(param).xp.astype(rate, param.dtype)


def check_update(
    owner: str,
    grads: Params,
    state: Mapping[str, Any],
    params: Params,
    moments: tuple[str, ...] = (),
) -> None:
    """Raise unless gradients and moments have params' names, shapes and dtypes.

    Raises:
        TypeError: if a dtype differs.
        ValueError: if a name or a shape differs.
    """
    if state.keys() != {"step", *moments}:
        msg = (
            f"{owner} expected `state` with {sorted(['step', *moments])}, "
            f"got {sorted(state)}. Make it with init."
        )
        raise ValueError(msg)
    _check_like(owner, "grads", grads, params)
    for name in moments:
        _check_like(owner, f"state[{name!r}]", state[name], params)


def _is_like(tree: Params, params: Params) -> bool:
    """Whether names, shapes and dtypes agree."""
    return tree.keys() == params.keys() and all(
        _is_like(tree[name], param)
        if isinstance(param, dict)
        else tree[name].shape == param.shape and tree[name].dtype == param.dtype
        for name, param in params.items()
    )


def _check_like(owner: str, argument: str, tree: Params, params: Params) -> None:
    """Raise unless `_is_like`, and say where."""
    if _is_like(tree, params):
        return
    given, expected = dict(items(tree)), dict(items(params))
    if given.keys() != expected.keys():
        msg = (
            f"{owner} expected `{argument}` with the names of params, "
            f"{sorted(expected)}, got {sorted(given)}."
        )
        raise ValueError(msg)
    for name, param in expected.items():
        leaf = given[name]
        if tuple(leaf.shape) != tuple(param.shape):
            msg = (
                f"{owner} expected `{argument}` of shape {tuple(param.shape)} "
                f"for {name!r}, got {tuple(leaf.shape)}."
            )
            raise ValueError(msg)
        if leaf.dtype != param.dtype:
            msg = (
                f"{owner} expected `{argument}` of dtype {param.dtype} "
                f"for {name!r}, got {leaf.dtype}. Convert one of the two."
            )
            raise TypeError(msg)
