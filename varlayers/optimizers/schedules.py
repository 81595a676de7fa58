"""Schedules: a learning rate, or the weight of the divergence, as the steps go by.

    Constant       value
    Linear         (1 - t) start + t end,  t = min(step / steps, 1)
    Cosine         w start + (1 - w) end,  w = (1 + cos πt) / 2
    Exponential    start rate^(step / steps)
    WarmUp         linear from start to schedule(0), then schedule(step - steps)

A schedule is called with the number of updates done: 0 at the first. Any callable from
a step to a number will do; these print, compare, hash and pickle. Given a Python
integer they return a float; given a step that `jax.jit` traces, a traced scalar.

`Linear(0, 1, steps)` as beta is the usual warm-up of the KL divergence.

Reference: Loshchilov & Hutter (2017), arXiv:1608.03983, for Cosine; Sønderby, Raiko,
Maaløe, Sønderby & Winther (2016), arXiv:1602.02282, for the warm-up of the divergence.
"""

import math
from dataclasses import dataclass
from numbers import Real
from typing import Any

from array_api_compat import array_namespace

from varlayers.checks import check_size
from varlayers.optimizers.ranges import FINITE, POSITIVE, set_numbers
from varlayers.types import Schedule

__all__ = ["Constant", "Cosine", "Exponential", "Linear", "WarmUp", "value_at"]


def value_at(schedule: float | Schedule, step: int) -> Any:
    """Return a number as it is and a schedule's value at `step`, as a float.

    Inside `jax.jit`, where the step is a traced scalar, so is the value.
    """
    if not callable(schedule):
        return schedule
    value = schedule(step)
    return value if _traced(step) else float(value)


@dataclass(frozen=True)
class Constant:
    """The same value at every step.

    Args:
        value: finite.

    Raises:
        TypeError: if `value` is no number.
        ValueError: if it is not finite.
    """

    value: float

    def __post_init__(self) -> None:
        set_numbers(self, value=FINITE)

    def __call__(self, step: int) -> float:
        return self.value


@dataclass(frozen=True)
class Linear:
    """A straight line from `start` at step 0 to `end` at step `steps`, then flat.

    Args:
        start: finite.
        end: finite.
        steps: >= 1.

    Raises:
        TypeError: if an argument is no number, or `steps` no integer.
        ValueError: if an argument is out of range.
    """

    start: float
    end: float
    steps: int

    def __post_init__(self) -> None:
        set_numbers(self, start=FINITE, end=FINITE)
        check_size("Linear", "steps", self.steps)

    def __call__(self, step: int) -> float:
        t: float = _part(step, self.steps)
        return (1 - t) * self.start + t * self.end


@dataclass(frozen=True)
class Cosine:
    """Half a cosine from `start` at step 0 to `end` at step `steps`, then flat.

    Args:
        start: finite.
        steps: >= 1.
        end: finite.

    Raises:
        TypeError: if an argument is no number, or `steps` no integer.
        ValueError: if an argument is out of range.
    """

    start: float
    steps: int
    end: float = 0.0

    def __post_init__(self) -> None:
        set_numbers(self, start=FINITE, end=FINITE)
        check_size("Cosine", "steps", self.steps)

    def __call__(self, step: int) -> float:
        t = _part(step, self.steps)
        cos = array_namespace(t).cos if _traced(t) else math.cos
        w: float = (1 + cos(math.pi * t)) / 2
        return w * self.start + (1 - w) * self.end


@dataclass(frozen=True)
class Exponential:
    """A value multiplied by `rate` in every `steps` steps, without end.

    Args:
        start: finite.
        rate: > 0; below 1 for a decay.
        steps: >= 1.

    Raises:
        TypeError: if an argument is no number, or `steps` no integer.
        ValueError: if an argument is out of range.
    """

    start: float
    rate: float
    steps: int

    def __post_init__(self) -> None:
        set_numbers(self, start=FINITE, rate=POSITIVE)
        check_size("Exponential", "steps", self.steps)

    def __call__(self, step: int) -> float:
        factor: float = self.rate ** (step / self.steps)
        return self.start * factor


@dataclass(frozen=True)
class WarmUp:
    """A straight line up to another schedule, which begins `steps` steps later.

    Args:
        schedule: what follows: a schedule, or a number.
        steps: >= 1; the length of the line.
        start: the value at step 0.

    Raises:
        TypeError: if an argument is no number, or `steps` no integer.
        ValueError: if an argument is out of range.
    """

    schedule: float | Schedule
    steps: int
    start: float = 0.0

    def __post_init__(self) -> None:
        set_numbers(self, scheduled="schedule", schedule=FINITE, start=FINITE)
        check_size("WarmUp", "steps", self.steps)

    def __call__(self, step: int) -> float:
        t = _part(step, self.steps)
        line: float = (1 - t) * self.start + t * value_at(self.schedule, 0 * step)
        warm = step < self.steps
        if not _traced(step):
            return line if warm else value_at(self.schedule, step - self.steps)
        where = array_namespace(step).where
        then = value_at(self.schedule, where(warm, 0, step - self.steps))
        value: float = where(warm, line, then)
        return value


def _part(step: Any, steps: int) -> Any:
    """Return min(step / steps, 1)."""
    if _traced(step):
        return array_namespace(step).clip(step / steps, 0.0, 1.0)
    return min(step / steps, 1.0)


def _traced(number: Any) -> bool:
    return not isinstance(number, Real)
