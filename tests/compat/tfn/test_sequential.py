"""A chain does what its layers do, in order and back."""

import numpy as np
import pytest
from support.gradients import assert_directional

import varlayers as vl
from varlayers.activations import ACTIVATIONS
from varlayers.compat import tfn

X = np.random.default_rng(0).normal(size=(5, 4, 3))
KEY = vl.key(2)


def make(**names):
    return tfn.Sequential(
        [
            tfn.ConvolutionVariationalFlipout(
                3, 2, 3, rank=1, activation_fn="tanh", dtype="float64", seed=0
            ),
            vl.Flatten(),
            ACTIVATIONS["elu"],
            tfn.AffineVariationalReparameterizationLocal(4, 2, dtype="float64", seed=0),
        ],
        **names,
    )


def test_gradients():
    model = make()
    y, backward = model.forward(X, KEY)
    dy = np.random.default_rng(1).normal(size=y.shape)
    dx, grads = backward(dy, kl_weight=1e-3)
    assert list(grads) == list(model.params) == ["0", "3"]

    def value(point):
        model.params = point["params"]
        y = model(point["x"], KEY)
        return np.sum(y * dy) + 1e-3 * sum(model.losses)

    point = {"x": X, "params": model.params}
    assert_directional(value, point, {"x": dx, "params": grads})
    assert backward(dy, input_gradient=False)[0] is None


def test_parts():
    model = make(name="net", also_track=[tracked := tfn.Affine(3, 2)])
    assert model[0] is model.layers[0]
    assert model[1:].layers == model.layers[1:]
    assert model.submodules == (*model.layers, tracked)
    assert len(model.variables) == 10
    assert repr(model) == "<Sequential: name='net'>"
    assert make()[1:3].name == "flatten_function"
    assert np.any(model(X) != model(X))


def test_summary_and_files(tmp_path):
    pytest.importorskip("safetensors")
    one, other = make(), make()
    assert "Flatten()" in one.summary(X.shape)
    one.save(tmp_path / "model.safetensors")
    other.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(one(X, KEY), other(X, KEY))


def test_what_is_no_chain_is_refused():
    with pytest.raises(ValueError, match="at least one layer in `layers`, got none"):
        tfn.Sequential([])
    layer = tfn.Affine(3, 3)
    with pytest.raises(ValueError, match="every layer once in `layers`, got one twice"):
        tfn.Sequential([layer, layer])
    with pytest.raises(TypeError, match="Sequential expected `layers` with its deriva"):
        tfn.Sequential([layer, lambda x: x])
    with pytest.raises(ValueError, match=r"of layers \['0', '3'\], got \[\]"):
        make().params = {}


def test_chain_of_a_layer_and_a_chain():
    first, model = tfn.Affine(3, 3), tfn.Sequential([tfn.Affine(3, 2)])
    both = model(first)
    assert both.layers == (first, model)
    x = np.ones((4, 3), np.float32)
    np.testing.assert_array_equal(both(x), model(first(x)))


def test_trace_of_shapes(capsys):
    model = tfn.Sequential([tfn.Affine(3, 2, name="a"), "relu"], name="net")
    x = np.ones((4, 3), np.float32)
    assert model.set_trace(True) is model
    model(x)
    model.set_trace(False)(x)
    assert capsys.readouterr().out == (
        "net input: shape (4, 3), float32\n"
        "net a: shape (4, 2), float32\n"
        "net relu: shape (4, 2), float32\n"
    )
