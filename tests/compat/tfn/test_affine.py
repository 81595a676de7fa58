"""The dense layers against their definitions, with the noise of the call."""

import numpy as np
import pytest

import varlayers as vl
from varlayers.compat import tfn

X = np.random.default_rng(0).normal(size=(4, 3))
KEY = vl.key(5)


def reparameterization(x, kernel, bias, noise):
    (loc, scale), (loc_b, scale_b) = kernel, bias
    w = loc + scale * noise["kernel"]
    return x @ w + loc_b + scale_b * noise["bias"]


def local(x, kernel, bias, noise):
    (loc, scale), (loc_b, scale_b) = kernel, bias
    v = x**2 @ scale**2 + scale_b**2
    return x @ loc + loc_b + np.sqrt(v) * noise["output"]


def flipout(x, kernel, bias, noise):
    (loc, scale), (loc_b, scale_b) = kernel, bias
    flipped = ((x * noise["signs_in"]) @ (scale * noise["kernel"])) * noise["signs_out"]
    return x @ loc + flipped + loc_b + scale_b * noise["bias"]


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        (tfn.AffineVariationalReparameterization, reparameterization),
        (tfn.AffineVariationalReparameterizationLocal, local),
        (tfn.AffineVariationalFlipout, flipout),
    ],
)
def test_output_is_that_of_the_definition(kind, rule):
    layer = kind(3, 2, dtype="float64")
    loc = np.random.default_rng(1).normal(size=2)
    params = layer.params
    layer.params = params | {"bias": params["bias"] | {"loc": loc}}
    noise = layer.layer.draw(KEY, X.shape, X)
    expected = rule(X, layer.posterior.kernel, layer.posterior.bias, noise)
    np.testing.assert_allclose(layer(X, KEY), expected, rtol=1e-12)


def test_points():
    layer = tfn.Affine(3, 2, activation_fn="tanh", dtype="float64")
    expected = np.tanh(X @ layer.kernel + layer.bias)
    np.testing.assert_allclose(layer(X), expected, rtol=1e-12)
    np.testing.assert_array_equal(layer.bias, 0)
    assert np.max(np.abs(layer.kernel)) <= np.sqrt(6 / 5)
    assert layer.losses == []
    without = tfn.Affine(3, 2, make_kernel_bias_fn=lambda *_: ["point"])
    assert without.bias is None
