"""What a call drew is what its output is made of."""

import numpy as np
import pytest
from scipy.stats import kstest

import varlayers as vl
from varlayers.compat import tfl

X = np.random.default_rng(0).normal(size=(5, 3))
NORMAL = tfl.default_mean_field_normal_fn()


@pytest.mark.parametrize("activation", [None, "tanh"])
def test_flipout_draws_about_the_mean(activation):
    layer = tfl.DenseFlipout(2, activation)
    layer(X)
    _, scale = layer.kernel_posterior
    affine = layer.kernel_posterior_affine
    np.testing.assert_array_equal(affine.mean(), 0)
    np.testing.assert_array_equal(affine.stddev(), scale)
    delta = layer.kernel_posterior_affine_tensor
    loc = layer.kernel_posterior.mean()
    np.testing.assert_allclose(loc + delta, layer.kernel_posterior_tensor, rtol=1e-12)
    big = tfl.DenseFlipout(50, seed=0)
    big(np.ones((1, 40)))
    unit = big.kernel_posterior_affine_tensor / big.kernel_posterior.stddev()
    assert kstest(unit.ravel(), "norm").pvalue > 1e-3


@pytest.mark.parametrize("mean", [None, "bias_posterior_tensor_fn"])
def test_local_reparameterization_draws_the_output(mean):
    asked = {} if mean is None else {mean: "mean"}
    layer = tfl.DenseLocalReparameterization(2, bias_posterior_fn=NORMAL, **asked)
    y = layer(X)
    loc, scale = layer.kernel_posterior
    m, s = layer.kernel_posterior_affine
    np.testing.assert_allclose(m, X @ loc, rtol=1e-12)
    np.testing.assert_allclose(s, np.sqrt(X**2 @ scale**2), rtol=1e-12)
    drawn = layer.kernel_posterior_affine_tensor
    np.testing.assert_allclose(y, drawn + layer.bias_posterior_tensor, rtol=1e-12)
    assert np.all(drawn != m)
    assert layer.kernel_posterior_tensor is None
    if mean is not None:
        loc = layer.bias_posterior.mean()
        np.testing.assert_array_equal(layer.bias_posterior_tensor, loc)


def test_at_the_mean():
    flipout, local = (
        kind(2, kernel_posterior_tensor_fn="mean")
        for kind in (tfl.DenseFlipout, tfl.DenseLocalReparameterization)
    )
    y = local(X)
    drawn = local.kernel_posterior_affine_tensor
    np.testing.assert_array_equal(drawn, local.kernel_posterior_affine.mean())
    np.testing.assert_allclose(y, drawn + local.bias_posterior_tensor, rtol=1e-12)
    flipout(X)
    np.testing.assert_array_equal(flipout.kernel_posterior_affine_tensor, 0)


def test_convolutions_and_libraries(library):
    x = library.asarray(np.random.default_rng(1).normal(size=(2, 5, 3)))
    layer = tfl.Convolution1DLocalReparameterization(2, 3)
    y = layer(x)
    drawn = library.to_numpy(layer.kernel_posterior_affine_tensor)
    bias = library.to_numpy(layer.bias_posterior_tensor)
    np.testing.assert_allclose(library.to_numpy(y), drawn + bias, rtol=1e-12)


def test_nothing_before_a_call_and_without_a_normal():
    for kind in (tfl.DenseFlipout, tfl.DenseReparameterization):
        layer = kind(2)
        assert layer.kernel_posterior_affine is None
        assert layer.kernel_posterior_affine_tensor is None
    layer(X, vl.key(0))
    assert layer.kernel_posterior_affine is None
    assert layer.kernel_posterior_affine_tensor is None
