"""The compiled functions against Python's, over their whole domains."""

import math

import numpy as np
import pytest

pytest.importorskip("numba")

from numba import njit

from varlayers_backends import numba_math
from varlayers_backends.numba_math import cos_sin, exp, kernel, log, log1p

DTYPES = ("float32", "float64")


@njit
def all_of_exp(x, out):
    for i in range(x.size):
        out[i] = exp(x[i])


@njit
def all_of_log(x, out):
    for i in range(x.size):
        out[i] = log(x[i])


@njit
def all_of_log1p(x, out):
    for i in range(x.size):
        out[i] = log1p(x[i])


@njit
def all_of_cos_sin(x, out):
    for i in range(x.size):
        out[0, i], out[1, i] = cos_sin(x[i])


def least(dtype):
    return float(np.finfo(dtype).smallest_normal)


def domain(name, dtype):
    tiny, rng = least(dtype), np.random.default_rng(0)
    x = {
        "exp": -np.geomspace(1e-6, 0.999 * -math.log(tiny), 20_001),
        "log": np.geomspace(2 * tiny, 0.5 / tiny, 20_001),
        "log1p": np.geomspace(tiny, 1, 20_001),
    }[name]
    near_one = rng.uniform(0.5, 1, 20_001) if name != "exp" else -x / x.min()
    return np.concatenate([x, near_one]).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("name", "loop", "ulps"),
    [("exp", all_of_exp, 2), ("log", all_of_log, 3), ("log1p", all_of_log1p, 3)],
)
def test_function_agrees_with_python_s(name, loop, ulps, dtype):
    x = domain(name, dtype)
    out = np.empty_like(x)
    loop(x, out)
    python = getattr(numba_math, name)
    right = np.array([python(float(value)) for value in x])
    np.testing.assert_allclose(out, right, rtol=ulps * np.finfo(dtype).eps, atol=0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_cosine_and_sine_of_a_turn(dtype):
    u = np.linspace(-0.5, 0.5, 20_001, dtype=dtype)
    out = np.empty((2, u.size), dtype)
    all_of_cos_sin(u, out)
    right = np.array([cos_sin(float(value)) for value in u]).T
    np.testing.assert_allclose(out, right, rtol=0, atol=2 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", DTYPES)
def test_exp_far_below_zero(dtype):
    edge = math.log(least(dtype))
    x = np.array([0, -0.0, 1.01 * edge, -1e3, -1e30, -math.inf, math.nan], dtype)
    out = np.empty_like(x)
    all_of_exp(x, out)
    np.testing.assert_array_equal(out, [1, 1, 0, 0, 0, 0, math.nan])


def test_log_of_one_is_zero():
    out = np.empty(1, np.float32)
    all_of_log(np.ones(1, np.float32), out)
    assert out[0] == 0


def test_kernel_without_a_place_for_its_result_compiles_anyway():
    scope = {}
    exec("def double(x):\n    return 2 * x", scope)  # a function without a file
    assert kernel(scope["double"])(1.5) == 3
