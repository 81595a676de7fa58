from functools import partial

import numpy as np
import pytest
from scipy.stats import truncnorm
from support.libraries import assert_same
from support.moments import assert_mean
from support.problems import compiled

from varlayers.dispatch import kernels_for
from varlayers.initializers import INITIALIZERS, VarianceScaling, Zeros, fans_of
from varlayers.random import key

FANS = (60, 40)
# The variances of the papers, for these fans.
VARIANCES = {"glorot": 2 / (60 + 40), "he": 2 / 60, "lecun": 1 / 60}
SCALING = {name: v for name, v in INITIALIZERS.items() if name != "zeros"}
NORMAL = {name: v for name, v in SCALING.items() if name.endswith("normal")}
UNIFORM = {name: v for name, v in SCALING.items() if name.endswith("uniform")}


def draw(initializer, shape=(60, 400), seed=1, fans=FANS):
    like = np.zeros(0)
    return initializer(kernels_for(like), key(seed), shape, like, fans)


def variance_of(name):
    return VARIANCES[name.partition("_")[0]]


def test_names():
    kinds = [f"{n}_{d}" for n in VARIANCES for d in ("uniform", "normal")]
    assert set(INITIALIZERS) == {*kinds, "zeros"}


@pytest.mark.parametrize("name", SCALING)
def test_mean_and_variance(name):
    w = draw(INITIALIZERS[name])
    assert w.shape == (60, 400)
    assert_mean(w.ravel(), 0)
    assert_mean(w.ravel() ** 2, variance_of(name))


@pytest.mark.parametrize("name", UNIFORM)
def test_uniform_fills_its_bounds(name):
    bound = np.sqrt(3 * variance_of(name))
    w = np.abs(draw(INITIALIZERS[name]))
    assert 0.999 * bound < np.max(w) <= bound
    # The fourth moment of U(-b, b) is b⁴ / 5: it tells a uniform from a normal.
    assert_mean(w.ravel() ** 4, bound**4 / 5)


@pytest.mark.parametrize("name", NORMAL)
def test_normal_is_truncated_at_two_deviations(name):
    """Of the normal that is truncated, whose scale is the larger one."""
    scale = np.sqrt(variance_of(name)) / truncnorm(-2, 2).std()
    w = draw(INITIALIZERS[name])
    assert 1.99 * scale < np.max(np.abs(w)) <= 2 * scale
    assert_mean(w.ravel() ** 4, truncnorm(-2, 2).moment(4) * scale**4)
    inside = np.abs(w.ravel()) < scale
    assert_mean(inside, truncnorm(-2, 2).cdf(1) - truncnorm(-2, 2).cdf(-1))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", INITIALIZERS)
def test_same_numbers_on_every_library(library, name, dtype):
    like = library.asarray(np.zeros(0), dtype)
    shape = (5, 7)
    initializer = partial(INITIALIZERS[name], kernels_for(like), key(3), shape)
    actual = compiled(library, partial(initializer, fans=shape))(like)
    desired = draw(INITIALIZERS[name], shape, 3, shape).astype(dtype)
    assert_same(library, actual, desired, 1e-12 if dtype == "float64" else 1e-6)


@pytest.mark.parametrize("name", SCALING)
def test_other_keys_give_other_numbers(name):
    w, other = (draw(INITIALIZERS[name], (60, 400), seed) for seed in (1, 2))
    assert_mean((w * other).ravel(), 0)


@pytest.mark.parametrize("mode", ["fan_in", "fan_out", "fan_avg"])
def test_mode_chooses_the_fan(mode):
    fan = {"fan_in": 60, "fan_out": 40, "fan_avg": 50}[mode]
    w = draw(VarianceScaling(3.0, mode, "uniform"))
    assert_mean(w.ravel() ** 2, 3 / fan)


def test_zeros(library):
    like = library.asarray(np.zeros(0), "float32")
    w = Zeros()(kernels_for(like), key(0), (3, 2), like, FANS)
    assert_same(library, w, np.zeros((3, 2), np.float32), 0)


@pytest.mark.parametrize(
    ("kernel_shape", "groups", "fans"),
    [
        ((7, 5), 1, (7, 5)),
        ((3, 7, 5), 1, (21, 15)),
        ((3, 2, 7, 6), 1, (42, 36)),
        ((3, 2, 7, 6), 3, (42, 12)),
    ],
)
def test_fans(kernel_shape, groups, fans):
    """In a group, an input reaches only the group's outputs."""
    assert fans_of(kernel_shape, groups) == fans


def test_a_fan_of_zero_is_no_division_by_zero():
    assert np.all(np.isfinite(draw(INITIALIZERS["he_normal"], (0, 3), fans=(0, 3))))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, "fan_in", "uniform"), r"`factor` > 0, got 0\."),
        ((np.nan, "fan_in", "uniform"), r"`factor` > 0, got nan\."),
        ((1.0, "fan", "uniform"), r"`mode` in \('fan_in', .*\), got 'fan'\."),
        ((1.0, "fan_in", "normal"), r"`distribution` in \(.*\), got 'normal'\."),
    ],
)
def test_refuses_unknown_arguments(arguments, message):
    with pytest.raises(ValueError, match="VarianceScaling expected " + message):
        VarianceScaling(*arguments)
