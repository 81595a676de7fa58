from dataclasses import dataclass

import numpy as np
import pytest
from support.libraries import assert_same

import varlayers as vl
from varlayers.layers.leaf import Leaf
from varlayers.tree import items, map_leaves

POINT = {"posterior": "point", "prior": None}
MODEL = vl.Sequential(
    [
        vl.Dense(3, 4, **POINT),
        vl.Residual(vl.Sequential([vl.LayerNorm(4), vl.Dense(4, 4, **POINT)])),
        vl.Activation("tanh"),
        vl.Dense(4, 2, bias=None, **POINT),
    ]
)
X = np.random.default_rng(0).normal(size=(5, 3))
TRAINED = map_leaves(lambda p: p + 0.1, MODEL.init(vl.key(0), X))
TRAINED["0"]["kernel"]["loc"][0, 0] = 0.0  # gets a tenth of the noise of the usual one


@pytest.mark.parametrize("bias", [False, True])
def test_the_mean_is_the_trained_model(bias):
    model, params = vl.from_deterministic(MODEL, TRAINED, bias=bias)
    expected, _ = MODEL.forward(TRAINED, X, {})
    y, _ = model.at_mean().forward(params, X, {})
    np.testing.assert_array_equal(y, expected)
    names = {path for path, _ in items(params)}
    assert ("0.bias.rho" in names) == bias
    assert {"0.kernel.rho", "1.inner.1.kernel.rho", "3.kernel.rho"} <= names


@pytest.mark.parametrize("name", ["kernel", "bias"])
def test_prior_and_posterior_are_centred_there(name):
    dense, trained = MODEL.layers[0], TRAINED["0"]
    settings = {"prior_scale": 0.7, "noise": 0.2, "bias": True}
    model, params = vl.from_deterministic(dense, trained, **settings)
    w = trained[name]["loc"]
    prior = model.prior if name == "kernel" else model.bias_prior
    np.testing.assert_array_equal(prior.loc.array, w)
    assert prior.scale == 0.7
    size = np.maximum(np.abs(w), 0.1 * np.sqrt(np.mean(w**2)))
    scale = model.weights(params)[name]["scale"]
    np.testing.assert_allclose(scale, 0.2 * size, rtol=1e-12)
    r = scale / 0.7
    expected = np.sum(0.5 * (r**2 - 1) - np.log(r))
    assert model.kl(params)[name] == pytest.approx(expected, rel=1e-12)


def test_weights_of_zero_have_the_least_scale_and_no_nan():
    dense = vl.Dense(3, 2, **POINT)
    zeros = map_leaves(np.zeros_like, dense.init(vl.key(0), X))
    model, params = vl.from_deterministic(dense, zeros)
    scale = model.weights(params)["kernel"]["scale"]
    np.testing.assert_allclose(scale, 2e-5, rtol=1e-9)


def test_same_numbers_on_every_library(library):
    model, params = vl.from_deterministic(MODEL, library.tree(TRAINED))
    same_model, desired = vl.from_deterministic(MODEL, TRAINED)
    assert model == same_model
    assert_same(library, params, desired, 1e-12)


def test_comes_back_from_a_file(tmp_path):
    pytest.importorskip("safetensors")
    model, params = vl.from_deterministic(MODEL, TRAINED)
    vl.save(tmp_path / "model", model, params)
    assert vl.load(tmp_path / "model")[0] == model


@pytest.mark.parametrize("name", ["prior_scale", "noise"])
def test_refuses_a_scale_that_is_not_positive(name):
    message = f"from_deterministic expected `{name}` > 0, got 0"
    with pytest.raises(ValueError, match=message):
        vl.from_deterministic(MODEL, TRAINED, **{name: 0})


def test_refuses_an_unknown_container():
    @dataclass(frozen=True)
    class Twice(Leaf):
        inner: vl.Dense

        def children(self, x_shape=None):
            return {"inner": (self.inner, x_shape)}

    message = "got the container Twice. Convert its layers one by one"
    with pytest.raises(TypeError, match=message):
        vl.from_deterministic(Twice(MODEL.layers[0]), {"inner": TRAINED["0"]})
