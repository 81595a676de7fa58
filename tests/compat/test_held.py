"""What a layer holds: posteriors, priors, files."""

import numpy as np
import pytest

import varlayers as vl
from varlayers.compat import tfl

X = np.random.default_rng(0).normal(size=(5, 3))


@pytest.mark.parametrize("activation", [None, "relu"])
def test_posteriors_and_priors(activation):
    layer = tfl.DenseFlipout(2, activation)
    layer(X)
    params = layer.params if activation is None else layer.params["0"]
    posterior = layer.kernel_posterior
    scale = np.log1p(np.exp(params["kernel"]["rho"])) + 2.0**-52
    np.testing.assert_array_equal(posterior.mean(), params["kernel"]["loc"])
    np.testing.assert_allclose(posterior.stddev(), scale, rtol=1e-12)
    np.testing.assert_allclose(posterior.variance(), scale**2, rtol=1e-12)
    np.testing.assert_array_equal(layer.bias_posterior.stddev(), 0)
    assert layer.kernel_prior == vl.NormalPrior()
    assert layer.bias_prior is None
    assert len(layer.trainable_variables) == 3
    assert layer.non_trainable_variables == []


def test_without_a_bias():
    layer = tfl.DenseFlipout(2, bias_posterior_fn=None)
    layer.build((None, 3))
    assert layer.bias_posterior is None
    assert len(layer.variables) == 2


def test_nothing_is_held_before_the_first_call():
    layer = tfl.DenseFlipout(2)
    for name in ("params", "losses", "variables", "kernel_posterior", "kernel_prior"):
        with pytest.raises(ValueError, match="DenseFlipout expected to be called or b"):
            getattr(layer, name)


def test_save_and_load(tmp_path):
    pytest.importorskip("safetensors")
    one, other = (tfl.DenseFlipout(2, "relu", seed=seed) for seed in (0, 1))
    one(X)
    other(X)
    one.save(tmp_path / "layer.safetensors")
    other.load(tmp_path / "layer.safetensors")
    np.testing.assert_array_equal(one(X), other(X))


def test_summary():
    layer = tfl.DenseFlipout(2)
    layer(X)
    assert "Dense(3, 2" in layer.summary((5, 3))


def test_losses_follow_assigned_parameters():
    layer = tfl.DenseFlipout(2)
    layer(X)
    before = float(layer.losses[0])
    params = layer.params
    loc = params["kernel"]["loc"]
    layer.params = params | {"kernel": params["kernel"] | {"loc": loc + 1}}
    change = np.sum((loc + 1) ** 2 - loc**2) / 2
    assert float(layer.losses[0]) - before == pytest.approx(change)


def test_weights_are_taken_over(library):
    one, other = tfl.DenseFlipout(2, "relu"), tfl.DenseFlipout(2, "relu")
    x = library.asarray(X)
    one(X)
    other(x)
    other.set_weights(one.get_weights())
    for mine, theirs in zip(one.get_weights(), other.get_weights(), strict=True):
        assert isinstance(theirs, np.ndarray)
        np.testing.assert_array_equal(mine, theirs)
    y = library.to_numpy(other(x, vl.key(0)))
    np.testing.assert_allclose(y, one(X, vl.key(0)), rtol=1e-12, atol=1e-13)


def test_weights_of_other_shapes_are_refused():
    layer = tfl.DenseFlipout(2)
    layer(X)
    message = r"DenseFlipout expected `weights` of shapes \[\(3, 2\).*kernel.loc"
    with pytest.raises(ValueError, match=message):
        layer.set_weights(layer.get_weights()[:-1])
    with pytest.raises(ValueError, match=message):
        layer.set_weights([w.T for w in layer.get_weights()])
