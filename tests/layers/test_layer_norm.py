import numpy as np
import pytest
from support.libraries import assert_same

from varlayers.layers import LayerNorm
from varlayers.random import key

X = np.random.default_rng(0).normal(size=(5, 4)) * 3 + 1


def test_rows_have_mean_0_and_variance_1():
    layer = LayerNorm(4, eps=1e-12)
    y, _ = layer.forward(layer.init(key(0), X), X, {})
    np.testing.assert_allclose(np.mean(y, axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(np.var(y, axis=1), 1, rtol=1e-9)


def test_gain_and_offset_follow():
    layer, rng = LayerNorm(4), np.random.default_rng(1)
    params = {"gain": rng.normal(size=4), "offset": rng.normal(size=4)}
    c = X - X.mean(axis=1, keepdims=True)
    h = c / np.sqrt((c**2).mean(axis=1, keepdims=True) + layer.eps)
    y, _ = layer.forward(params, X, {})
    np.testing.assert_allclose(y, h * params["gain"] + params["offset"], rtol=1e-13)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_constant_rows_are_zero_with_finite_gradients(library, dtype):
    """Their variance is 0; eps alone divides, and the gradient is dy's, centered."""
    layer = LayerNorm(4)
    x = library.asarray(np.full((2, 4), 0.5), dtype)
    dy = np.array([[1.0, 2, 3, 6], [0, 0, 0, 4]])
    params = layer.init(key(0), x)
    y, saved = layer.forward(params, x, {})
    dx, _ = layer.backward(saved, library.asarray(dy, dtype))
    assert_same(library, y, np.zeros((2, 4), dtype), 0)
    desired = (dy - dy.mean(axis=1, keepdims=True)) / np.sqrt(layer.eps)
    assert_same(library, dx, desired.astype(dtype), 1e-6)


def test_an_example_does_not_see_its_batch():
    layer = LayerNorm(4)
    params = layer.init(key(0), X)
    alone = [layer.forward(params, row, {})[0] for row in X]
    np.testing.assert_allclose(layer.forward(params, X, {})[0], alone, rtol=1e-14)


def test_init_is_the_identity_scale():
    params = LayerNorm(3).init(key(0))
    np.testing.assert_array_equal(params["gain"], np.ones(3))
    np.testing.assert_array_equal(params["offset"], np.zeros(3))


@pytest.mark.parametrize("shape", [(), (3,), (4, 3)])
def test_refuses_x_of_another_shape(shape):
    layer = LayerNorm(4)
    message = (
        rf"LayerNorm expected `x` of shape \(\.\.\., 4\), got \({str(shape)[1:-1]}\)\."
    )
    with pytest.raises(ValueError, match=message):
        layer.forward(layer.init(key(0), X), np.zeros(shape), {})


def test_refuses_x_of_another_dtype():
    with pytest.raises(TypeError, match="LayerNorm expected `x` of dtype float32"):
        LayerNorm(4).forward(LayerNorm(4).init(key(0)), X, {})


def test_refuses_other_parameters():
    message = r"LayerNorm expected parameters \['gain', 'offset'\], got \['gain'\]\."
    with pytest.raises(ValueError, match=message):
        LayerNorm(4).forward({"gain": np.ones(4)}, X, {})
    message = r"LayerNorm expected parameters `gain` of shape \(4,\), got \(3,\)\."
    with pytest.raises(ValueError, match=message):
        LayerNorm(4).forward(LayerNorm(3).init(key(0), X), X, {})


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ((2.5,), TypeError, r"an integer `features`, got 2\.5\."),
        ((0,), ValueError, r"`features` >= 1, got 0\."),
        ((3, 0.0), ValueError, r"`eps` > 0, got 0\.0\."),
        ((3, float("nan")), ValueError, r"`eps` > 0, got nan\."),
    ],
)
def test_refuses_arguments_out_of_range(arguments, kind, message):
    with pytest.raises(kind, match="LayerNorm expected " + message):
        LayerNorm(*arguments)
