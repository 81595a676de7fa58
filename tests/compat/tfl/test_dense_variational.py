"""One weight vector for kernel and bias, against the definition."""

import inspect

import numpy as np
import pytest
from scipy.stats import norm
from support.gradients import assert_directional

import varlayers as vl
from varlayers.compat import tfl

X = np.random.default_rng(0).normal(size=(5, 3))
KEY = vl.key(2)


def test_arguments_and_defaults():
    parameters = inspect.signature(tfl.DenseVariational).parameters
    defaults = [(n, p.default) for n, p in list(parameters.items())[:8]]
    empty = inspect.Parameter.empty
    assert defaults == [
        ("units", empty),
        ("make_posterior_fn", empty),
        ("make_prior_fn", empty),
        ("kl_weight", None),
        ("kl_use_exact", False),
        ("activation", None),
        ("use_bias", True),
        ("activity_regularizer", None),
    ]


def test_functions_are_told_the_sizes():
    told = []

    def posterior(kernel_size, bias_size, dtype):
        told.append((kernel_size, bias_size, dtype))
        return vl.FullCovarianceNormal()

    tfl.DenseVariational(2, posterior, "normal", dtype="float64")(X)
    tfl.DenseVariational(2, posterior, "normal", use_bias=False)(X)
    assert set(told) == {(6, 2, "float64"), (6, 0, None)}


@pytest.mark.parametrize("use_bias", [True, False])
def test_output_and_sampled_divergence(use_bias):
    layer = tfl.DenseVariational(
        2, "normal", "normal", kl_weight=0.1, use_bias=use_bias, activation="tanh"
    )
    y, backward = layer.forward(X, KEY)
    noise = layer.layer.draw(KEY, (5, 3 + use_bias), layer._seen(X))
    loc, scale = layer.kernel_posterior
    w = loc + scale * noise["0"]["kernel"]
    bias = w[3] if use_bias else 0.0
    np.testing.assert_allclose(y, np.tanh(X @ w[:3] + bias), rtol=1e-12)
    expected = 0.1 * np.sum(norm.logpdf(w, loc, scale) - norm.logpdf(w))
    np.testing.assert_allclose(layer.losses, [expected], rtol=1e-10)
    dx, _ = backward(y)
    assert dx.shape == X.shape


def test_exact_divergence():
    layer = tfl.DenseVariational(2, "normal", "normal", kl_use_exact=True)
    layer(X)
    loc, scale = layer.kernel_posterior
    expected = np.sum(0.5 * (loc**2 + scale**2 - 1) - np.log(scale))
    np.testing.assert_allclose(layer.losses, [expected], rtol=1e-12)


def test_gradients_of_output_and_losses():
    layer = tfl.DenseVariational(2, "full-covariance normal", "normal", 0.3)
    y, backward = layer.forward(X, KEY)
    dy = np.random.default_rng(1).normal(size=y.shape)
    dx, grads = backward(dy, loss_weight=0.7)

    def value(point):
        layer.params = point["params"]
        y = layer(point["x"], KEY)
        return np.sum(y * dy) + 0.7 * sum(layer.losses)

    point = {"x": X, "params": layer.params}
    assert_directional(value, point, {"x": dx, "params": grads})


def test_configuration():
    layer = tfl.DenseVariational(2, vl.LowRankNormal(2), "laplace", 0.1, seed=3)
    other = tfl.DenseVariational.from_config(layer.get_config())
    np.testing.assert_array_equal(layer(X, KEY), other(X, KEY))


@pytest.mark.parametrize("kind", ["posterior", "prior"])
def test_what_is_no_distribution_of_ours_is_refused(kind):
    functions = {"make_posterior_fn": "normal", "make_prior_fn": "normal"}
    functions[f"make_{kind}_fn"] = lambda *_: 3.0
    layer = tfl.DenseVariational(2, **functions)
    with pytest.raises(TypeError, match=f"`make_{kind}_fn` to be a {kind} .*got 3.0"):
        layer(X)
