"""Numbers of a configuration: kept as floats, refused out of range."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from varlayers.optimizers.ranges import FINITE, NONNEGATIVE, POSITIVE, UNIT, set_numbers


@dataclass(frozen=True)
class Config:
    a: Any
    b: Any = 0.0

    def __post_init__(self):
        set_numbers(self, scheduled="b", a=UNIT, b=FINITE)


@pytest.mark.parametrize(
    "value", [0, 0.5, np.float32(0.5), np.float64(0.5), np.int64(0)]
)
def test_numbers_become_floats(value):
    config = Config(value)
    assert type(config.a) is float
    assert config.a == value


def test_one_field_may_be_a_schedule():
    assert Config(0.5, max).b is max
    message = "Config expected a number `a`, got <built-in function max>."
    with pytest.raises(TypeError, match=re.escape(message)):
        Config(max)


@pytest.mark.parametrize("value", ["0.5", None, True, 1j, np.zeros(1)])
def test_other_kinds_are_refused(value):
    message = f"Config expected a number or schedule `b`, got {value!r}."
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        Config(0.5, value)


@pytest.mark.parametrize(
    ("allowed", "inside", "outside"),
    [
        (FINITE, [-1e308, 0, 1e308], [np.inf, -np.inf, np.nan]),
        (NONNEGATIVE, [0, 1e308], [-1e-300, np.inf, np.nan]),
        (POSITIVE, [1e-300, 1e308], [0, -1, np.inf, np.nan]),
        (UNIT, [0, 0.999], [-1e-300, 1, np.nan]),
    ],
    ids=["finite", "nonnegative", "positive", "unit"],
)
def test_ranges(allowed, inside, outside):
    assert all(allowed.holds(value) for value in inside)
    assert not any(allowed.holds(value) for value in outside)


def test_message():
    with pytest.raises(
        ValueError, match=r"^Config expected `a` in \[0, 1\), got 1.5.$"
    ):
        Config(1.5)
