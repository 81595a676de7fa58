import numpy as np
import pytest

from varlayers.estimators import LocalReparameterization
from varlayers.layers import Dense
from varlayers.random import key

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 3))
EPS, EPS_BIAS = RNG.normal(size=(4, 2)), RNG.normal(size=2)


def moments_of(layer, params):
    """Return mean and variance of the output without the bias, and the bias's."""
    weights = layer.weights(params)
    (loc, scale), (loc_bias, scale_bias) = (
        (weights[name]["loc"], weights[name]["scale"]) for name in ("kernel", "bias")
    )
    return X @ loc, X**2 @ scale**2, loc_bias, scale_bias


def test_samples_the_output_with_the_bias_in_its_variance():
    layer = Dense(3, 2, estimator="local", bias="normal")
    params = layer.init(key(0), X)
    mean, variance, loc, scale = moments_of(layer, params)
    y, _ = layer.forward(params, X, {"output": EPS})
    np.testing.assert_allclose(y, mean + loc + np.sqrt(variance + scale**2) * EPS)


def test_a_shared_bias_is_one_draw():
    layer = Dense(3, 2, estimator=LocalReparameterization("shared"), bias="normal")
    params = layer.init(key(0), X)
    mean, variance, loc, scale = moments_of(layer, params)
    y, _ = layer.forward(params, X, {"output": EPS, "bias": EPS_BIAS})
    np.testing.assert_allclose(
        y, mean + np.sqrt(variance) * EPS + loc + scale * EPS_BIAS
    )


def test_refuses_another_word_for_the_bias():
    message = (
        "LocalReparameterization expected `bias` 'per_example' or 'shared', "
        r"got 'joint'\."
    )
    with pytest.raises(ValueError, match=message):
        LocalReparameterization(bias="joint")
