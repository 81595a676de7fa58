"""Ranges of the numbers that configure an optimizer or a schedule.

A number is kept as a Python float. A NumPy scalar would carry its own precision into
every array that it multiplies, and turn float32 parameters into float64 ones.
"""

import math
from collections.abc import Callable
from numbers import Real
from typing import Any, NamedTuple

__all__ = ["FINITE", "NONNEGATIVE", "POSITIVE", "UNIT", "Range", "set_numbers"]


class Range(NamedTuple):
    """A range, in words and as a test."""

    text: str
    holds: Callable[[float], bool]


FINITE = Range("finite", math.isfinite)
NONNEGATIVE = Range("finite and >= 0", lambda value: 0 <= value < math.inf)
POSITIVE = Range("finite and > 0", lambda value: 0 < value < math.inf)
UNIT = Range("in [0, 1)", lambda value: 0 <= value < 1)


def set_numbers(config: Any, *, scheduled: str = "", **ranges: Range) -> None:
    """Check the named fields of a frozen dataclass and store them as floats.

    Args:
        config: the dataclass.
        scheduled: the field that may be a schedule instead of a number.
        ranges: the range of each field.

    Raises:
        TypeError: if a field is no number.
        ValueError: if a number is out of range.
    """
    for argument, allowed in ranges.items():
        value = getattr(config, argument)
        if not (argument == scheduled and callable(value)):
            kind = "number or schedule" if argument == scheduled else "number"
            value = _number(type(config).__name__, argument, value, allowed, kind)
            object.__setattr__(config, argument, value)


def _number(owner: str, argument: str, value: Any, allowed: Range, kind: str) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        msg = f"{owner} expected a {kind} `{argument}`, got {value!r}."
        raise TypeError(msg)
    if not allowed.holds(float(value)):
        msg = f"{owner} expected `{argument}` {allowed.text}, got {value}."
        raise ValueError(msg)
    return float(value)
