"""What the pooling layers share: their windows and their messages."""

import numpy as np
import pytest

import varlayers as vl
from varlayers.layers.pool import rank_of

KINDS = [vl.MaxPool, vl.AveragePool]
every_kind = pytest.mark.parametrize("kind", KINDS)


@every_kind
@pytest.mark.parametrize("batch", [(), (4,), (0,), (2, 3)])
def test_channels_first_is_channels_last_moved(kind, batch):
    x = np.random.default_rng(0).normal(size=(*batch, 5, 6, 3))
    options = {"strides": (2, 1), "padding": (1, (0, 1))}
    last, first = kind(2, **options), kind(2, data_format="channels_first", **options)
    y, saved = last.forward({}, x, {})
    moved, moved_saved = first.forward({}, np.moveaxis(x, -1, -3), {})
    np.testing.assert_array_equal(np.moveaxis(moved, -3, -1), y)
    assert y.shape == last.out_shape(x.shape) == (*batch, 3, 6, 3)
    dx = last.backward(saved, y)[0]
    moved_dx = first.backward(moved_saved, moved)[0]
    np.testing.assert_array_equal(np.moveaxis(moved_dx, -3, -1), dx)


@every_kind
def test_a_window_of_one_position_is_the_identity(kind):
    x = np.random.default_rng(0).normal(size=(2, 5, 3))
    y, saved = kind(1, rank=1).forward({}, x, {})
    np.testing.assert_array_equal(y, x)
    np.testing.assert_array_equal(kind(1, rank=1).backward(saved, x)[0], x)


@every_kind
def test_an_axis_of_length_one(kind):
    x = np.random.default_rng(0).normal(size=(2, 1, 4, 3))
    layer = kind((1, 2))
    assert layer.forward({}, x, {})[0].shape == layer.out_shape(x.shape) == (2, 1, 2, 3)
    same = kind(3, padding="same")
    y, saved = same.forward({}, x[:, :, :1], {})
    np.testing.assert_array_equal(y, x[:, :, :1])
    np.testing.assert_array_equal(same.backward(saved, y)[0], y)


@every_kind
def test_refuses_a_window_larger_than_the_input(kind):
    message = (
        rf"{kind.__name__} expected `x` with positions for a window that spans "
        r"\(5, 3\), got \(4, 9\) with padding 'valid'\. Take a smaller window, or pad"
    )
    layer = kind((3, 2), dilations=2)
    for call in (layer.out_shape, lambda s: layer.forward({}, np.zeros(s), {})):
        with pytest.raises(ValueError, match=message):
            call((2, 4, 9, 1))


@every_kind
def test_refuses_a_window_that_sees_padding_only(kind):
    message = (
        rf"{kind.__name__} expected windows that see `x`, got one with padding only: "
        r"`pool_shape` \(2, 2\), padding \(\(2, 2\), \(2, 2\)\) and `x` with positions "
        r"\(4, 4\)\. Pad less\."
    )
    with pytest.raises(ValueError, match=message):
        kind(2, padding=2).out_shape((1, 4, 4, 3))
    assert kind(3, strides=1, padding=2).out_shape((1, 4, 4, 3)) == (1, 6, 6, 3)


@every_kind
def test_refuses_too_few_axes(kind):
    message = rf"{kind.__name__} expected `x` of shape \(\.\.\., space, space, channels"
    with pytest.raises(ValueError, match=message):
        kind(2).out_shape((4, 4))
    message = r"expected `x` of shape \(\.\.\., channels, space\), got \(4,\)"
    with pytest.raises(ValueError, match=message):
        kind(2, rank=1, data_format="channels_first").out_shape((4,))


@every_kind
def test_refuses_arrays_of_integers(kind):
    message = rf"{kind.__name__} expected `x` of a floating dtype, got int64\."
    with pytest.raises(TypeError, match=message):
        kind(2).forward({}, np.ones((1, 4, 4, 1), np.int64), {})


@every_kind
@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((0,), {}, ValueError, "expected `strides` >= 1, got 0"),
        ((0,), {"strides": 1}, ValueError, "expected `pool_shape` >= 1, got 0"),
        (
            ((2, 2),),
            {"rank": 3, "strides": 1},
            ValueError,
            "expected `pool_shape` with",
        ),
        ((2,), {"strides": 0}, ValueError, "expected `strides` >= 1, got 0"),
        ((2,), {"strides": 1.5}, TypeError, "expected an integer `strides`, got 1.5"),
        ((2,), {"rank": 0}, ValueError, "expected `rank` >= 1, got 0"),
        ((2,), {"padding": "full"}, ValueError, "expected `padding` in"),
        ((2,), {"data_format": "last"}, ValueError, "expected `data_format` in"),
    ],
)
def test_refuses_settings_out_of_range(kind, arguments, options, error, message):
    with pytest.raises(error, match=f"^{kind.__name__} {message}"):
        kind(*arguments, **options)


def test_rank_is_that_of_the_entries_or_2():
    assert rank_of((2,)) == 1
    assert rank_of([1, 2, 3]) == 3
    assert rank_of(7) == 2
