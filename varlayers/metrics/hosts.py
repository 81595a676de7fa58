"""What every metric shares: arrays brought to the host, and checked there.

Metrics take arrays of any array library and return Python floats, computed in float64
by NumPy: sorting and binning depend on the data, and a figure of merit ends on the host
anyway. Here values are inspected. A NaN is let through, and comes out as NaN.
"""

from typing import Any

import numpy as np

from varlayers.dispatch import kernels_for
from varlayers.types import Array

__all__ = ["as_rows", "check_same_shape", "to_host"]

_TOLERANCE = 1e-3  # a sum of probabilities in float16 is this far from one


def to_host(owner: str, argument: str, x: Array) -> Any:
    """Return an array or a number as a float64 NumPy array.

    Args:
        owner: who asks.
        argument: the name of x.
        x: of a boolean or real dtype.

    Raises:
        TypeError: if x is not an array, or not a real one.
        ValueError: if x is empty.
    """
    x = np.asarray(x) if isinstance(x, int | float) else x
    k = kernels_for(x)
    if not k.xp.isdtype(x.dtype, ("bool", "integral", "real floating")):
        msg = f"{owner} expected real `{argument}`, got {x.dtype}."
        raise TypeError(msg)
    host = np.asarray(k.to_numpy(x))
    if not host.size:
        msg = f"{owner} expected `{argument}` with elements, got shape {host.shape}."
        raise ValueError(msg)
    return host.astype(np.float64)


def check_same_shape(owner: str, **arrays: Any) -> None:
    """Raise unless the named arrays have the same shape; nothing is broadcast."""
    shapes = {name: array.shape for name, array in arrays.items()}
    if len(set(shapes.values())) > 1:
        names = ", ".join(f"`{name}`" for name in shapes)
        got = ", ".join(map(str, shapes.values()))
        msg = f"{owner} expected {names} of the same shape, got {got}."
        raise ValueError(msg)


def as_rows(owner: str, probabilities: Array, targets: Array) -> tuple[Any, Any]:
    """Return probabilities and targets as rows, both (n, c).

    Args:
        owner: who asks.
        probabilities: shape (..., c), rows that sum to one.
        targets: class indices (...), of an integer dtype, or rows (..., c).

    Raises:
        TypeError: if the class indices are no integers.
        ValueError: if shapes do not fit, probabilities are none, or an index is out of
            range.
    """
    p = to_host(owner, "probabilities", probabilities)
    _check_rows(owner, "probabilities", p)
    t = to_host(owner, "targets", targets)
    classes = p.shape[-1]
    if t.shape == p.shape:
        _check_rows(owner, "targets", t)
        return p.reshape(-1, classes), t.reshape(-1, classes)
    if t.shape != p.shape[:-1]:
        msg = (
            f"{owner} expected `targets` of shape {p.shape[:-1]} or {p.shape}, "
            f"got {t.shape}."
        )
        raise ValueError(msg)
    return p.reshape(-1, classes), _one_hot(owner, targets, t.reshape(-1), classes)


def _check_rows(owner: str, argument: str, rows: Any) -> None:
    if rows.ndim < 2:
        msg = f"{owner} expected `{argument}` of shape (n, classes), got {rows.shape}."
        raise ValueError(msg)
    sums = np.sum(rows, axis=-1)
    if np.any(rows < 0) or np.any(np.abs(sums - 1) > _TOLERANCE):
        msg = (
            f"{owner} expected `{argument}` >= 0 in rows that sum to one, got a least "
            f"of {np.nanmin(rows):.3g} and sums from {np.nanmin(sums):.3g} to "
            f"{np.nanmax(sums):.3g}. From logits make them with Categorical().mean."
        )
        raise ValueError(msg)


def _one_hot(owner: str, targets: Array, index: Any, classes: int) -> Any:
    if not kernels_for(targets).xp.isdtype(targets.dtype, "integral"):
        msg = (
            f"{owner} expected class indices `targets` of an integer dtype, "
            f"got {targets.dtype}."
        )
        raise TypeError(msg)
    if index.min() < 0 or index.max() >= classes:
        msg = (
            f"{owner} expected `targets` from 0 to {classes - 1}, got "
            f"{index.min():.0f} to {index.max():.0f}."
        )
        raise ValueError(msg)
    return (index[:, None] == np.arange(classes)).astype(np.float64)
