"""Shapes change and entries stay."""

import numpy as np
import pytest
from support.gradients import assert_directional

from varlayers.compat.tfn.shapes import ExpandDims, FlattenRightmost, Trace, show

X = np.arange(24.0).reshape(2, 3, 4)
CASES = [
    (FlattenRightmost(3), X, (24,)),
    (FlattenRightmost(2), X, (2, 12)),
    (FlattenRightmost(2), X[:0], (0, 12)),
    (ExpandDims(0), X, (1, 2, 3, 4)),
    (ExpandDims(-1), X, (2, 3, 4, 1)),
    (ExpandDims((0, -1)), X[0], (1, 3, 4, 1)),
    (ExpandDims((1, 2)), X[0], (3, 1, 1, 4)),
    (Trace("here"), X, (2, 3, 4)),
]


@pytest.mark.parametrize(("layer", "x", "shape"), CASES)
def test_shape_and_gradient(library, layer, x, shape):
    y, saved = layer.forward({}, library.asarray(x), {})
    assert tuple(y.shape) == layer.out_shape(x.shape) == shape
    np.testing.assert_array_equal(library.to_numpy(y), x.reshape(shape))
    dx, grads = layer.backward(saved, y)
    np.testing.assert_array_equal(library.to_numpy(dx), x)
    assert grads == {}
    assert layer.backward(saved, y, input_gradient=False)[0] is None


def test_gradient_in_a_random_direction():
    layer = FlattenRightmost(2)
    y, saved = layer.forward({}, X, {})
    dx, _ = layer.backward(saved, np.cos(y))
    assert_directional(
        lambda x: np.sum(np.sin(layer.forward({}, x["x"], {})[0])), {"x": X}, {"x": dx}
    )


@pytest.mark.parametrize("axis", [4, -5, (0, 0), (0, -5)])
def test_places_that_are_not_there_are_refused(axis):
    with pytest.raises(ValueError, match="expand_dims expected `axis` to be different"):
        ExpandDims(axis).out_shape((2, 3, 4))


def test_too_few_axes_are_refused():
    with pytest.raises(ValueError, match="flatten_rightmost expected `ndims` >= 1"):
        FlattenRightmost(0)
    with pytest.raises(ValueError, match=r"at least 3 axes, got shape \(2, 3\)"):
        FlattenRightmost(3).out_shape((2, 3))


def test_what_is_shown(capsys):
    Trace("here").forward({}, X, {})
    Trace().forward({}, X, {})
    show("x", np.zeros(3, np.float32))
    assert capsys.readouterr().out == (
        "here: shape (2, 3, 4), float64\n"
        "trace: shape (2, 3, 4), float64\n"
        "x: shape (3,), float32\n"
    )
