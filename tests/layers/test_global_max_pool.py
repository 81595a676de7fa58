import numpy as np
import pytest
from support.oracles import assert_equals_function

import varlayers as vl

X = np.random.default_rng(0).normal(size=(3, 4, 5, 2))


def test_equals_torch():
    pytest.importorskip("torch")
    assert_equals_function("torch", vl.GlobalMaxPool(), lambda x: x.amax((1, 2)), X)


def test_equals_jax():
    assert_equals_function("jax", vl.GlobalMaxPool(), lambda x: x.max((1, 2)), X)


def test_equals_a_window_as_large_as_the_input():
    x = np.round(X)  # with ties
    layer, window = vl.GlobalMaxPool(keepdims=True), vl.MaxPool((4, 5))
    (y, saved), (other, window_saved) = (f.forward({}, x, {}) for f in (layer, window))
    np.testing.assert_array_equal(y, other)
    dx, other = layer.backward(saved, y)[0], window.backward(window_saved, y)[0]
    np.testing.assert_array_equal(dx, other)


def test_of_equal_entries_the_first_gets_the_gradient(library):
    x = library.asarray([[[1.0], [7], [7]], [[2], [2], [1]]])
    layer = vl.GlobalMaxPool(1)
    _, saved = layer.forward({}, x, {})
    dx, _ = layer.backward(saved, library.asarray([[3.0], [4.0]]))
    expected = [[[0], [3], [0]], [[4], [0], [0]]]
    np.testing.assert_array_equal(library.to_numpy(dx), expected)


def test_nan_comes_out_as_nan(library):
    x = X.copy()
    x[1, 2, 3, 0] = np.nan
    y, _ = vl.GlobalMaxPool().forward({}, library.asarray(x), {})
    expected = np.zeros((3, 2), bool)
    expected[1, 0] = True
    np.testing.assert_array_equal(np.isnan(library.to_numpy(y)), expected)
