"""What all layers of the face do: build, call, go back, describe themselves."""

import json

import numpy as np
import pytest
from support.gradients import assert_directional

import varlayers as vl
from varlayers.compat import tfl

X = np.random.default_rng(0).normal(size=(5, 3))
KEY = vl.key(2)


def test_size_is_taken_from_the_first_call(library):
    layer = tfl.DenseFlipout(2, activation="tanh", name="a", seed=0)
    y = layer(library.asarray(X), KEY)
    expected = tfl.DenseFlipout(2, activation="tanh", name="a", seed=0)(X, KEY)
    np.testing.assert_allclose(library.to_numpy(y), expected, rtol=1e-12, atol=1e-13)
    assert layer.params["0"]["kernel"]["loc"].shape == (3, 2)


def test_seeded_layers_of_one_shape_start_different():
    one, other = (tfl.DenseFlipout(4, seed=0) for _ in range(2))
    one(X[:, :3])
    other(X[:, :3])
    for weight in ("kernel", "bias"):
        assert np.all(one.params[weight]["loc"] != other.params[weight]["loc"])
    kernel, bias = (one.params[name]["loc"] for name in ("kernel", "bias"))
    assert np.all(kernel != bias)


def test_first_scales_vary_about_those_of_tfp():
    layer = tfl.DenseReparameterization(200, seed=0)
    layer.build((None, 300))
    raw = layer.params["kernel"]["rho"]
    assert abs(np.mean(raw) + 3) < 2e-3
    assert abs(np.std(raw) - 0.1) < 2e-3
    per_weight = float(layer.losses[0]) / raw.size
    assert per_weight == pytest.approx(2.53, abs=0.01)


def test_gradients_with_losses_and_penalty():
    layer = tfl.DenseLocalReparameterization(
        *(2, "silu", tfl.L1L2(l2=0.3)),
        bias_posterior_fn=tfl.default_mean_field_normal_fn(),
        bias_prior_fn="normal",
        kernel_divergence_fn=(half := lambda q, p, _: tfl.kl_divergence(q, p) / 2),
        bias_divergence_fn=half,
    )
    y, backward = layer.forward(X, KEY)
    dy = np.random.default_rng(1).normal(size=y.shape)
    dx, grads = backward(dy, loss_weight=0.7)
    assert len(layer.losses) == 3

    def value(point):
        layer.params = point["params"]
        y = layer(point["x"], KEY)
        return np.sum(y * dy) + 0.7 * sum(layer.losses)

    point = {"x": X, "params": layer.params}
    assert_directional(value, point, {"x": dx, "params": grads})


@pytest.mark.parametrize("kind", [tfl.DenseFlipout, tfl.DenseLocalReparameterization])
def test_mean_of_the_kernel_and_its_gradients(kind):
    normal = tfl.default_mean_field_normal_fn()
    layer = kind(
        2,
        kernel_posterior_tensor_fn=lambda d: d.mean(),
        bias_posterior_fn=normal,
        bias_posterior_tensor_fn=lambda d: d.mean(),
    )
    y, backward = layer.forward(X)
    params = layer.params
    mean = X @ params["kernel"]["loc"] + params["bias"]["loc"]
    np.testing.assert_allclose(y, mean, rtol=1e-12)
    np.testing.assert_array_equal(layer(X), y)
    assert len(layer.losses) == 1
    dy = np.random.default_rng(1).normal(size=y.shape)
    dx, grads = backward(dy, loss_weight=0.7)

    def value(point):
        layer.params = point["params"]
        return np.sum(layer(point["x"]) * dy) + 0.7 * sum(layer.losses)

    assert_directional(value, {"x": X, "params": params}, {"x": dx, "params": grads})


def test_mean_of_the_kernel_alone_leaves_the_bias_random():
    normal = tfl.default_mean_field_normal_fn()
    layer = tfl.DenseFlipout(
        2, kernel_posterior_tensor_fn="mean", bias_posterior_fn=normal
    )
    change = layer(X) - layer(X)
    assert np.all(np.abs(change[0]) > 0)
    np.testing.assert_allclose(change, np.broadcast_to(change[0], change.shape))


def test_not_trainable_layer_passes_the_gradient_on():
    layer = tfl.DenseFlipout(2, trainable=False)
    y, backward = layer.forward(X)
    dx, grads = backward(y)
    assert dx.shape == X.shape
    assert grads == {}
    assert layer.trainable_variables == []
    assert len(layer.non_trainable_variables) == len(layer.variables) == 3


def test_configuration_is_json_and_makes_the_layer_again():
    layer = tfl.Convolution1DFlipout(
        *(2, 3, 2, "same"),
        activation="gelu",
        activity_regularizer=tfl.L1L2(0.1),
        kernel_prior_fn=vl.NormalPrior(scale=np.array([0.5, 2.0])),
        kernel_divergence_fn=lambda q, p, _: tfl.kl_divergence(q, p) / 10,
        seed=4,
    )
    config = json.loads(json.dumps(layer.get_config()))
    other = tfl.Convolution1DFlipout.from_config(config)
    x = np.ones((2, 6, 3))
    np.testing.assert_array_equal(layer(x), other(x))
    np.testing.assert_array_equal(layer.losses, other.losses)
    assert other.get_config() == layer.get_config()


def test_function_in_a_configuration_is_refused():
    layer = tfl.DenseFlipout(2, kernel_prior_fn=lambda *_: vl.LaplacePrior())
    with pytest.raises(TypeError, match="get_config expected `kernel_prior_fn` that"):
        layer.get_config()


def test_repr_and_name():
    assert repr(tfl.DenseFlipout(2, name="a")) == "<DenseFlipout: name='a'>"


def test_other_dtype_is_refused():
    with pytest.raises(TypeError, match="`x` of dtype float32, as it was given, got f"):
        tfl.DenseFlipout(2, dtype="float32")(X)


def test_integers_are_refused(library):
    x = library.asarray(np.ones((4, 3)), "int64")
    with pytest.raises(TypeError, match="DenseFlipout expected `x` of a floating"):
        tfl.DenseFlipout(2)(x)


def test_posterior_that_the_estimator_cannot_take_is_refused():
    with pytest.raises(ValueError, match="LocalReparameterization needs independent"):
        tfl.DenseLocalReparameterization(2, kernel_posterior_fn="radial")(X)


def test_names_of_keras():
    layer = tfl.DenseFlipout(2, bias_prior_fn="normal")
    assert not layer.built
    layer(X)
    assert layer.built
    assert layer.count_params() == 2 * 3 * 2 + 2
    for mine, same in zip(layer.weights, layer.trainable_weights, strict=True):
        assert mine is same
    assert layer.non_trainable_weights == []
    assert layer.bias_prior_fn == "normal"
    assert layer.kernel_posterior_fn.is_singular is False
    assert layer.kernel_posterior_tensor_fn == layer.bias_posterior_tensor_fn
