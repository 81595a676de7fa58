"""What all layers of the face do and hold."""

import numpy as np
import pytest
from scipy.stats import norm
from support.gradients import assert_directional

import varlayers as vl
from varlayers.compat import tfn

X = np.random.default_rng(0).normal(size=(5, 3))
KEY = vl.key(2)


def mean(d, seed):
    return d.mean()


ALL = [
    tfn.AffineVariationalReparameterization,
    tfn.AffineVariationalReparameterizationLocal,
    tfn.AffineVariationalFlipout,
]


@pytest.mark.parametrize("activation", [None, "silu"])
@pytest.mark.parametrize("kind", ALL)
def test_gradients_with_the_sampled_divergence(kind, activation):
    layer = kind(3, 2, activation_fn=activation, dtype="float64")
    y, backward = layer.forward(X, KEY)
    dy = np.random.default_rng(1).normal(size=y.shape)
    dx, grads = backward(dy, kl_weight=1e-3)
    _, without = backward(dy)
    first = grads if activation is None else grads["0"]
    plain = without if activation is None else without["0"]
    assert np.all(first["kernel"]["rho"] != plain["kernel"]["rho"])

    def value(point):
        layer.params = point["params"]
        y = layer(point["x"], KEY)
        return np.sum(y * dy) + 1e-3 * sum(layer.losses)

    point = {"x": X, "params": layer.params}
    assert_directional(value, point, {"x": dx, "params": grads})


@pytest.mark.parametrize("activation", [None, "relu"])
@pytest.mark.parametrize("kind", ALL)
def test_losses_are_those_of_the_posterior_value(kind, activation):
    layer = kind(3, 2, activation_fn=activation, dtype="float64")
    assert layer.posterior_value is None
    layer(X)
    for loss, w, (loc, scale) in zip(
        layer.losses, layer.posterior_value, layer.posterior, strict=True
    ):
        prior = np.logaddexp(norm.logpdf(w), norm.logpdf(w, scale=2000)) - np.log(2)
        expected = np.sum(norm.logpdf(w, loc, scale) - prior)
        assert float(loss) == pytest.approx(expected, rel=1e-9)


def test_value_in_use_is_the_value_of_the_output():
    layer = tfn.AffineVariationalReparameterization(3, 2, dtype="float64")
    y = layer(X)
    kernel, bias = layer.posterior_value
    np.testing.assert_allclose(y, X @ kernel + bias, rtol=1e-12)


@pytest.mark.parametrize("kind", ALL)
def test_mean_makes_every_estimator_deterministic(kind):
    layer = kind(3, 2, posterior_value_fn=mean, dtype="float64")
    y, backward = layer.forward(X, KEY)
    kernel, bias = layer.posterior_value
    np.testing.assert_allclose(y, X @ kernel + bias, rtol=1e-12)
    np.testing.assert_array_equal(layer(X), y)
    dx, grads = backward(y, kl_weight=1e-3)

    def value(point):
        layer.params = point["params"]
        return np.sum(layer(point["x"], KEY) * y) + 1e-3 * sum(layer.losses)

    point = {"x": X, "params": layer.params}
    assert_directional(value, point, {"x": dx, "params": grads})
    assert len(layer.losses) == 2


def test_point_bias_has_its_location_as_value():
    layer = tfn.AffineVariationalFlipout(
        *(3, 2),
        make_posterior_fn=lambda *_: ["normal", "point"],
        make_prior_fn=lambda *_: ["normal", None],
        divergence=None,
        activation_fn="relu",
    )
    layer(X.astype(np.float32))
    np.testing.assert_array_equal(layer.posterior_value.bias, 0)
    assert layer.prior == (vl.NormalPrior(), None)
    assert len(layer.losses) == 1


def test_attributes():
    layer = tfn.AffineVariationalFlipout(3, 2, name="a", validate_args=True, seed=0)
    assert (layer.name, layer.name_scope, layer.validate_args) == ("a", "a", True)
    assert (layer.dtype, layer.submodules, layer.also_track) == ("float32", (), [])
    assert layer.kernel_prior == layer.bias_prior == vl.ScaleMixturePrior()
    np.testing.assert_allclose(layer.kernel_posterior.stddev(), 1e-3, rtol=1e-5)
    np.testing.assert_allclose(layer.bias_posterior.stddev(), 1e-3, rtol=1e-5)
    shapes = [v.shape for v in layer.trainable_variables]
    assert shapes == [(3, 2), (3, 2), (2,), (2,)]
    assert layer.non_trainable_variables == []
    assert repr(layer) == "<AffineVariationalFlipout: name='a'>"
    assert "Dense(3, 2" in layer.summary((5, 3))
    assert tfn.Layer.with_name_scope(len) is len


def test_moments_of_the_posterior():
    layer = tfn.AffineVariationalFlipout(3, 2, seed=0)
    kernel, bias = layer.posterior
    for moment in ("mean", "stddev", "variance"):
        both = getattr(layer.posterior, moment)()
        np.testing.assert_array_equal(both.kernel, getattr(kernel, moment)())
        np.testing.assert_array_equal(both.bias, getattr(bias, moment)())
    without = tfn.AffineVariationalFlipout(
        *(3, 2),
        make_posterior_fn=lambda *_: ["normal"],
        make_prior_fn=lambda *_: ["normal"],
    )
    assert without.posterior.stddev().bias is None


def test_also_track():
    inner = tfn.Affine(3, 2)
    layer = tfn.Layer(vl.LayerNorm(3), also_track=[inner])
    assert len(layer.variables) == 4
    assert layer.submodules == (inner,)


def test_seeded_layers_of_one_shape_start_different():
    one, other = (tfn.Affine(3, 2, seed=0) for _ in range(2))
    assert np.all(one.kernel != other.kernel)
    one, other = (tfn.Affine(3, 2, seed=0, name="a") for _ in range(2))
    np.testing.assert_array_equal(one.kernel, other.kernel)


def test_every_library(library):
    x = library.asarray(X)
    layer = tfn.AffineVariationalFlipout(3, 2, like=x, seed=0, name="a")
    numpy = tfn.AffineVariationalFlipout(3, 2, dtype="float64", seed=0, name="a")
    assert layer.dtype == "float64"
    y = library.to_numpy(layer(x))
    np.testing.assert_allclose(y, numpy(X), rtol=1e-12, atol=1e-13)
    value = library.to_numpy(layer.posterior_value.kernel)
    np.testing.assert_allclose(value, numpy.posterior_value.kernel, rtol=1e-12)


def test_save_and_load(tmp_path):
    pytest.importorskip("safetensors")
    one, other = (tfn.AffineVariationalFlipout(3, 2, seed=seed) for seed in (0, 1))
    one.save(tmp_path / "layer.safetensors")
    other.load(tmp_path / "layer.safetensors")
    for mine, loaded in zip(one.variables, other.variables, strict=True):
        np.testing.assert_array_equal(mine, loaded)
