"""What the global pooling layers share: shapes and messages."""

import numpy as np
import pytest

import varlayers as vl

KINDS = [vl.GlobalAveragePool, vl.GlobalMaxPool]
every_kind = pytest.mark.parametrize("kind", KINDS)


@every_kind
@pytest.mark.parametrize("batch", [(), (4,), (0,), (2, 3)])
def test_shapes(kind, batch):
    x = np.random.default_rng(0).normal(size=(*batch, 5, 6, 3))
    last = kind()
    y, saved = last.forward({}, x, {})
    assert y.shape == last.out_shape(x.shape) == (*batch, 3)
    dx = last.backward(saved, y)[0]
    first = kind(keepdims=True, data_format="channels_first")
    moved, moved_saved = first.forward({}, np.moveaxis(x, -1, -3), {})
    assert moved.shape == first.out_shape((*batch, 3, 5, 6)) == (*batch, 3, 1, 1)
    np.testing.assert_array_equal(moved[..., 0, 0], y)
    moved_dx = first.backward(moved_saved, moved)[0]
    np.testing.assert_array_equal(np.moveaxis(moved_dx, -3, -1), dx)
    assert kind(keepdims=True).out_shape(x.shape) == (*batch, 1, 1, 3)


@every_kind
def test_one_position_is_the_identity(kind):
    x = np.random.default_rng(0).normal(size=(2, 1, 1, 3))
    layer = kind(keepdims=True)
    y, saved = layer.forward({}, x, {})
    np.testing.assert_array_equal(y, x)
    np.testing.assert_array_equal(layer.backward(saved, y)[0], x)


@every_kind
def test_messages(kind):
    name = kind.__name__
    with pytest.raises(ValueError, match=f"{name} expected `rank` >= 1, got 0"):
        kind(0)
    with pytest.raises(TypeError, match=f"{name} expected an integer `rank`, got 1.5"):
        kind(1.5)
    with pytest.raises(ValueError, match=f"{name} expected `data_format` in"):
        kind(data_format="first")
    message = rf"{name} expected `x` with at least one position, got \(3, 0\)\."
    with pytest.raises(ValueError, match=message):
        kind().forward({}, np.zeros((2, 3, 0, 4)), {})
    with pytest.raises(
        ValueError, match=rf"{name} expected `x` of shape \(\.\.\., spa"
    ):
        kind().out_shape((3, 4))
    with pytest.raises(TypeError, match=f"{name} expected `x` of a floating dtype"):
        kind().forward({}, np.ones((1, 2, 2, 1), np.int64), {})
