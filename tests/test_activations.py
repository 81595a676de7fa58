import numpy as np
import pytest
from scipy.special import erf, expit
from support.gradients import AUTODIFF, assert_directional, assert_equal_trees, autodiff
from support.libraries import assert_same

from varlayers.activations import ACTIVATIONS
from varlayers.dispatch import kernels_for

X = np.random.default_rng(0).normal(size=(4, 5)) * 2

# The definitions once more, with nothing in common with the code.
DEFINITIONS = {
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: np.maximum(x, 0.01 * x),
    "elu": lambda x: np.where(x > 0, x, np.exp(np.minimum(x, 0)) - 1),
    "gelu": lambda x: x * (1 + erf(x / np.sqrt(2))) / 2,
    "silu": lambda x: x * expit(x),
    "tanh": np.tanh,
    "sigmoid": expit,
    "softplus": lambda x: np.logaddexp(x, 0),
}
KINKED = {"relu": 0.0, "leaky_relu": 0.01}

every_activation = pytest.mark.parametrize("name", ACTIVATIONS)


def value(name, x, dy):
    return (ACTIVATIONS[name].forward(kernels_for(x), x)[0] * dy).sum()


def gradient(name, x, dy):
    k, pair = kernels_for(x), ACTIVATIONS[name]
    return pair.backward(k, pair.forward(k, x)[1], dy)


@every_activation
def test_is_its_definition(library, name):
    x = library.asarray(X)
    y, _ = ACTIVATIONS[name].forward(kernels_for(x), x)
    assert_same(library, y, DEFINITIONS[name](X), 1e-14)


@every_activation
def test_gradient_in_a_random_direction(name):
    dy = np.random.default_rng(1).normal(size=X.shape)
    assert np.min(np.abs(X)) > 0.005  # no kink within the differences
    assert_directional(
        lambda point: value(name, point["x"], dy),
        {"x": X},
        {"x": gradient(name, X, dy)},
    )


@pytest.mark.parametrize("engine", AUTODIFF)
@every_activation
def test_gradient_equals_that_of_autodiff(name, engine):
    dy = np.random.default_rng(1).normal(size=X.shape)
    desired = autodiff(
        engine, lambda lib, point: value(name, point["x"], lib.asarray(dy)), {"x": X}
    )
    assert_equal_trees({"x": gradient(name, X, dy)}, desired)


@every_activation
def test_gradient_is_the_same_on_every_library(library, name):
    dy = np.random.default_rng(1).normal(size=X.shape)
    actual = gradient(name, library.asarray(X), library.asarray(dy))
    assert_same(library, actual, gradient(name, X, dy), 1e-13)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@every_activation
def test_extreme_inputs_are_exact(library, name, dtype):
    """At ±1000 the functions are at their limits, slopes included, without overflow."""
    host = np.array([-1e3, 1e3], dtype)
    x, ones = library.asarray(host, dtype), library.asarray([1.0, 1.0], dtype)
    y, saved = ACTIVATIONS[name].forward(kernels_for(x), x)
    dx = ACTIVATIONS[name].backward(kernels_for(x), saved, ones)
    low, high = {"tanh": (-1, 1), "sigmoid": (0, 1)}.get(name, (0, 1e3))
    low = {"leaky_relu": -10, "elu": -1}.get(name, low)
    slope = 0 if name in ("tanh", "sigmoid") else 1
    np.testing.assert_allclose(library.to_numpy(y), np.array([low, high], dtype), 1e-6)
    np.testing.assert_allclose(
        library.to_numpy(dx), np.array([KINKED.get(name, 0), slope], dtype), 1e-6
    )


@pytest.mark.parametrize("name", KINKED)
def test_slope_at_the_kink_is_that_of_the_left(name):
    zero, one = np.zeros(1), np.ones(1)
    assert gradient(name, zero, one) == KINKED[name]


@every_activation
def test_nan_stays_nan(library, name):
    x = library.asarray([np.nan])
    y, _ = ACTIVATIONS[name].forward(kernels_for(x), x)
    assert np.isnan(library.to_numpy(y)[0])
