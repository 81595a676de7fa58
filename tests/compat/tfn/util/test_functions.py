"""Helpers do what they do in TFP."""

import numpy as np
import pytest

import varlayers as vl
from varlayers.compat import tfn

X = np.random.default_rng(0).normal(size=(5, 3))


def test_parts_of_a_chain(capsys):
    model = tfn.Sequential(
        [
            tfn.util.expand_dims([0, -1]),
            tfn.util.trace("inside"),
            tfn.util.flatten_rightmost(ndims=2),
        ]
    )
    y, backward = model.forward(X)
    np.testing.assert_array_equal(y, X[None])
    np.testing.assert_array_equal(backward(y)[0], X)
    assert capsys.readouterr().out == "inside: shape (1, 5, 3, 1), float64\n"
    assert tfn.util.expand_dims(1).axis == 1


def test_halflife_decay():
    steps = np.array([0.0, 10, 20])
    np.testing.assert_allclose(
        tfn.util.halflife_decay(steps, 10, 1.0, 0.2), [1, 0.6, 0.4]
    )
    assert tfn.util.halflife_decay(5, 5, 3.0) == 1.5


def test_a_step_is_that_of_the_optimizer():
    layer = tfn.Affine(3, 2, dtype="float64", seed=0)
    before = layer.params

    def loss_fn(scale):
        y, backward = layer.forward(X)
        return scale * np.sum(y**2) / 2, y, backward(scale * y)[1]

    fit_op = tfn.util.make_fit_op(loss_fn, vl.SGD(0.1), layer, sorted)
    first, y, names = fit_op(0.5)
    step = 0.1 * 0.5 * X.T @ y
    np.testing.assert_allclose(layer.kernel, before["kernel"]["loc"] - step)
    assert names == ["bias", "kernel"]
    assert first == pytest.approx(np.sum(y**2) / 4)
    assert fit_op(0.5)[0] < first


def test_an_optimizer_for_each_of_several_layers():
    layers = [tfn.Affine(3, 2, dtype="float64") for _ in range(2)]
    kernels = [layer.kernel for layer in layers]

    def loss_fn():
        grads = []
        for layer in layers:
            y, backward = layer.forward(X)
            grads.append(backward(np.ones_like(y))[1])
        return 0.0, None, grads

    fit_op = tfn.util.make_fit_op(loss_fn, [vl.SGD(0.1), vl.SGD(0.2)], layers)
    assert fit_op() == (0.0, None)
    step = np.sum(X, axis=0)[:, None]
    for kernel, layer, rate in zip(kernels, layers, (0.1, 0.2), strict=True):
        np.testing.assert_allclose(layer.kernel, kernel - rate * step)
