"""What the two convolutional layers share: channels, rank, kernel and fans."""

import re

import numpy as np
import pytest

import varlayers as vl

LAYERS = [vl.Convolution, vl.ConvolutionTranspose]
pytestmark = pytest.mark.parametrize("layer", LAYERS)


@pytest.mark.parametrize(
    ("filter_shape", "rank", "window"),
    [(3, None, (3, 3)), (3, 1, (3,)), (3, 3, (3, 3, 3)), ((2, 3, 4), None, (2, 3, 4))],
)
def test_rank_is_that_of_the_filter_or_two(layer, filter_shape, rank, window):
    made = layer(4, 6, filter_shape, rank=rank, groups=2)
    assert made.kernel_shape == (*window, 2, 6)
    assert made.rank == len(window)
    assert made == layer(4, 6, window, groups=2, strides=(1,) * len(window))


def test_fans_are_what_one_unit_sees(layer):
    made = layer(4, 6, (3, 5), groups=2)
    assert made.fans == (2 * 15, 3 * 15)
    made = layer(4, 6, (3, 5), kernel_initializer="lecun_uniform")
    loc = made.init(vl.key(0))["kernel"]["loc"]
    assert np.max(np.abs(loc)) == pytest.approx((3 / (4 * 15)) ** 0.5, rel=0.01)


def test_depthwise(layer):
    made = layer(3, 6, 3, groups=3, padding="same", posterior="point", bias=None)
    x = np.random.default_rng(0).normal(size=(2, 5, 5, 3)).astype(np.float32)
    params = made.init(vl.key(0), x)
    y, _ = made.forward(params, x, {})
    changed, _ = made.forward(params, x * np.array([1, 2, 1], np.float32), {})
    assert np.array_equal(changed != y, np.broadcast_to([0, 0, 1, 1, 0, 0], y.shape))


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((0, 2, 3), {}, "`in_channels` >= 1, got 0."),
        ((2, 0, 3), {}, "`out_channels` >= 1, got 0."),
        ((2, 2, 0), {}, "`filter_shape` >= 1, got 0."),
        ((2, 2, (3, 0)), {}, "`filter_shape` >= 1, got 0."),
        ((2, 2, ()), {}, "`rank` >= 1, got 0."),
        ((2, 2, (3, 3)), {"rank": 1}, "`filter_shape` with one integer or 1, one for"),
        ((2, 2, 3), {"strides": 0}, "`strides` >= 1, got 0."),
        ((2, 2, 3), {"strides": (1, 2, 3)}, "`strides` with one integer or 2, one for"),
        ((2, 2, 3), {"padding": "causal"}, "`padding` other than 'causal' for rank 2."),
        ((3, 4, 3), {"groups": 2}, "`in_channels` divisible by `groups`, 2, got 3."),
        ((4, 3, 3), {"groups": 2}, "`out_channels` divisible by `groups`, 2, got 3."),
    ],
)
def test_refuses_values(layer, arguments, options, message):
    message = re.escape(f"{layer.__name__} expected {message}")
    with pytest.raises(ValueError, match=message):
        layer(*arguments, **options)


@pytest.mark.parametrize("argument", ["in_channels", "out_channels", "filter_shape"])
def test_refuses_what_is_no_integer(layer, argument):
    arguments = {"in_channels": 2, "out_channels": 2, "filter_shape": 3, argument: 1.5}
    message = f"{layer.__name__} expected an integer `{argument}`, got 1.5."
    with pytest.raises(TypeError, match=re.escape(message)):
        layer(**arguments)


def test_refuses_other_channels_when_run(layer):
    made = layer(3, 4, 3)
    x = np.zeros((2, 5, 5, 2), np.float32)
    message = r"expected `x` of shape \(\.\.\., space, space, 3\), got \(2, 5, 5, 2\)"
    with pytest.raises(ValueError, match=message):
        made.forward(made.init(vl.key(0)), x, {})
    with pytest.raises(ValueError, match=message):
        made.out_shape(x.shape)


def test_is_saved_and_rebuilt(layer):
    made = layer(4, 6, 3, strides=(2, 1), padding=((0, 1), 2), groups=2)
    assert vl.rebuild(vl.describe(made)) == made
    assert vl.rebuild(vl.describe(made)).padding == ((0, 1), (2, 2))
