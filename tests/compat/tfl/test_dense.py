"""The dense layers against their definitions, with the noise of the call."""

import inspect

import numpy as np
import pytest

import varlayers as vl
from varlayers.compat import tfl

X = np.random.default_rng(0).normal(size=(4, 3))
KEY = vl.key(5)
ALL = [
    tfl.DenseReparameterization,
    tfl.DenseLocalReparameterization,
    tfl.DenseFlipout,
]


def weights(layer):
    """Return loc and scale of the kernel, and the bias, typed from the definitions."""
    raw = layer.params["kernel"]["rho"]
    scale = np.log1p(np.exp(raw)) + np.finfo(X.dtype).eps
    return layer.params["kernel"]["loc"], scale, layer.params["bias"]["loc"]


def reparameterization(x, loc, scale, noise):
    return x @ (loc + scale * noise["kernel"])


def local(x, loc, scale, noise):
    return x @ loc + np.sqrt(x**2 @ scale**2) * noise["output"]


def flipout(x, loc, scale, noise):
    delta = scale * noise["kernel"]
    return x @ loc + ((x * noise["signs_in"]) @ delta) * noise["signs_out"]


@pytest.mark.parametrize(
    ("kind", "rule"), [*zip(ALL, (reparameterization, local, flipout), strict=True)]
)
def test_output_is_that_of_the_definition(kind, rule):
    layer = kind(2, seed=0)
    y = layer(X, KEY)
    loc, scale, bias = weights(layer)
    noise = layer.layer.draw(KEY, X.shape, X)
    np.testing.assert_allclose(y, rule(X, loc, scale, noise) + bias, rtol=1e-12)


@pytest.mark.parametrize("kind", ALL)
def test_arguments_and_defaults(kind):
    parameters = inspect.signature(kind).parameters
    defaults = {n: p.default for n, p in parameters.items() if n != "others"}
    assert defaults == {
        "units": inspect.Parameter.empty,
        "activation": None,
        "activity_regularizer": None,
        "trainable": True,
    }


def test_units_are_checked():
    with pytest.raises(ValueError, match="DenseFlipout expected `units` >= 1, got 0"):
        tfl.DenseFlipout(0)
    with pytest.raises(TypeError, match=r"expected arguments it knows, got \['unit"):
        tfl.DenseFlipout(1, unit=2)
