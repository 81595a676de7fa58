"""The weights of a call are those that its output is made of."""

import numpy as np
import pytest

import varlayers as vl
from varlayers.compat import tfl

X = np.random.default_rng(0).normal(size=(5, 3))
NORMAL = tfl.default_mean_field_normal_fn()


@pytest.mark.parametrize("activation", [None, "tanh"])
@pytest.mark.parametrize("key", [None, vl.key(3)])
def test_values_of_a_sample(activation, key):
    layer = tfl.DenseReparameterization(2, activation, bias_posterior_fn=NORMAL)
    layer.build((None, 3), X)
    assert layer.kernel_posterior_tensor is layer.bias_posterior_tensor is None
    for _ in range(2):
        y, way = layer.forward(X, key)
        a = X @ layer.kernel_posterior_tensor + layer.bias_posterior_tensor
        np.testing.assert_allclose(y, a if activation is None else np.tanh(a))
    assert list(way.values) == ["kernel", "bias"]


def test_values_of_flipout_are_those_before_the_signs():
    layer = tfl.DenseFlipout(2, bias_posterior_fn=None)
    layer(X, vl.key(1))
    loc, scale = layer.kernel_posterior
    noise = layer.layer.draw(vl.key(1), X.shape, X)["kernel"]
    np.testing.assert_allclose(layer.kernel_posterior_tensor, loc + scale * noise)
    assert layer.bias_posterior_tensor is None


def test_values_at_the_mean():
    layer = tfl.DenseLocalReparameterization(2, kernel_posterior_tensor_fn="mean")
    layer(X)
    loc, _ = layer.kernel_posterior
    np.testing.assert_array_equal(layer.kernel_posterior_tensor, loc)


def test_local_reparameterization_has_no_kernel_and_shares_a_random_bias():
    layer = tfl.DenseLocalReparameterization(2, bias_posterior_fn=NORMAL)
    y = layer(X, vl.key(1))
    assert layer.kernel_posterior_tensor is None
    loc, scale = layer.kernel_posterior
    noise = layer.layer.draw(vl.key(1), X.shape, X)
    a = X @ loc + np.sqrt(X**2 @ scale**2) * noise["output"]
    np.testing.assert_allclose(y, a + layer.bias_posterior_tensor, rtol=1e-12)


def test_mean_of_one_weight_leaves_the_draw_of_the_other():
    layer = tfl.DenseReparameterization(
        2, bias_posterior_fn=NORMAL, bias_posterior_tensor_fn="mean"
    )
    y, way = layer.forward(X)
    kernel, bias = layer.kernel_posterior_tensor, layer.bias_posterior_tensor
    assert np.all(kernel != layer.kernel_posterior.mean())
    np.testing.assert_array_equal(bias, layer.bias_posterior.mean())
    np.testing.assert_allclose(y, X @ kernel + bias, rtol=1e-12)
    assert list(way.noise) == ["kernel"]
