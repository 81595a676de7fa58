import numpy as np
import pytest
from support.oracles import assert_equals_function, channels_second

import varlayers as vl
from varlayers.dispatch import kernels_for

X = np.random.default_rng(0).normal(size=(3, 7, 9, 2))

# pool_shape, strides, padding per axis, dilations: as torch takes them.
SETTINGS = {
    "plain": (2, 2, 0, 1),
    "overlapping": (3, 1, 1, 1),
    "with gaps": (2, 3, 0, 1),
    "each axis its own": ((3, 2), (2, 1), (1, 0), (1, 3)),
    "dilated": (2, 2, 1, 2),
}


@pytest.mark.parametrize("values", ["distinct", "with ties"])
@pytest.mark.parametrize("name", SETTINGS)
def test_equals_torch(name, values):
    functional = pytest.importorskip("torch").nn.functional
    shape, strides, pads, dilations = SETTINGS[name]
    layer = vl.MaxPool(
        shape, rank=2, strides=strides, padding=pads, dilations=dilations
    )
    function = channels_second(
        functional.max_pool2d, shape, strides, pads, dilation=dilations
    )
    x = X if values == "distinct" else np.round(X)
    assert_equals_function("torch", layer, function, x)


@pytest.mark.parametrize(
    ("pool_shape", "strides", "padding"),
    [(2, 2, "VALID"), ((3, 2), (2, 3), "SAME"), (3, 1, "SAME")],
)
def test_equals_jax(pool_shape, strides, padding):
    jax = pytest.importorskip("jax")
    layer = vl.MaxPool(pool_shape, strides=strides, rank=2, padding=padding.lower())
    shape, steps = layer.pool_shape, layer.strides

    def function(x):
        return jax.lax.reduce_window(
            x, -np.inf, jax.lax.max, (1, *shape, 1), (1, *steps, 1), padding
        )

    assert_equals_function("jax", layer, function, X)


def test_of_equal_entries_the_first_gets_the_gradient(library):
    x = library.asarray([[3.0, 3, 1, 1], [3, 3, 2, 2], [0, 5, 5, 4]])[None, :, :, None]
    layer = vl.MaxPool(2, strides=1)
    y, saved = layer.forward({}, x, {})
    dy = library.asarray([[1.0, 2, 4], [8, 16, 32]])[None, :, :, None]
    np.testing.assert_array_equal(
        library.to_numpy(y)[0, :, :, 0], [[3, 3, 2], [5, 5, 5]]
    )
    np.testing.assert_array_equal(
        library.to_numpy(layer.backward(saved, dy)[0])[0, :, :, 0],
        [[1, 2, 0, 0], [0, 0, 4, 0], [0, 8 + 16, 32, 0]],
    )


def test_nan_comes_out_of_every_window_that_sees_it(library):
    x = np.arange(7.0)[:, None]
    x[2] = np.nan
    layer = vl.MaxPool(2, rank=1, strides=1)
    y, saved = layer.forward({}, library.asarray(x), {})
    expected = [1, np.nan, np.nan, 4, 5, 6]
    np.testing.assert_array_equal(library.to_numpy(y)[:, 0], expected)
    dx, _ = layer.backward(saved, y * 0 + 1)
    finite = library.to_numpy(dx)[3:, 0]
    np.testing.assert_array_equal(finite[1:], [1, 1, 1])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_infinite_gradients_stay_where_they_belong(dtype):
    x = np.asarray([[1.0], [2.0], [4.0], [3.0]], dtype)
    layer = vl.MaxPool(2, rank=1)
    _, saved = layer.forward({}, x, {})
    dx, _ = layer.backward(saved, np.asarray([[np.inf], [np.nan]], dtype))
    np.testing.assert_array_equal(dx[:, 0], [0, np.inf, np.nan, 0])


def test_padding_is_below_every_number(library):
    x = library.asarray(np.full((2, 3, 1), -1e300))
    y, saved = vl.MaxPool(3, rank=1, strides=1, padding="same").forward({}, x, {})
    np.testing.assert_array_equal(library.to_numpy(y), np.full((2, 3, 1), -1e300))
    assert tuple(saved[1].shape) == (2, 3, 1)


def test_a_pool_of_more_than_256_positions(library):
    x = np.random.default_rng(0).normal(size=(2, 7, 7, 6, 1))
    layer = vl.MaxPool((7, 7, 6))
    y, saved = layer.forward({}, library.asarray(x), {})
    largest = x.max(axis=(1, 2, 3), keepdims=True)
    np.testing.assert_array_equal(library.to_numpy(y), largest)
    dx = library.to_numpy(layer.backward(saved, y * 0 + 1)[0])
    np.testing.assert_array_equal(dx, x == largest)


def test_the_saved_index_is_one_byte(library):
    x = library.asarray(X)
    assert vl.MaxPool(2).forward({}, x, {})[1][1].dtype == kernels_for(x).xp.uint8


def test_default_strides_and_rank():
    assert vl.MaxPool((2, 3)).strides == (2, 3)
    assert vl.MaxPool(2, rank=3).pool_shape == (2, 2, 2)
    assert vl.MaxPool(2) == vl.MaxPool((2, 2), rank=2, strides=2)
