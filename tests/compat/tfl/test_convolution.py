"""Every convolution is the one of varlayers that its name says."""

import numpy as np
import pytest

import varlayers as vl
from varlayers.compat import tfl
from varlayers.estimators import Flipout, LocalReparameterization, Reparameterization

ESTIMATORS = {
    "Reparameterization": Reparameterization(),
    "LocalReparameterization": LocalReparameterization(bias="shared"),
    "Flipout": Flipout("channel"),
}
KINDS = {"": vl.Convolution, "Transpose": vl.ConvolutionTranspose}
CASES = [(r, t, e) for r in (1, 2, 3) for t in KINDS for e in ESTIMATORS]


@pytest.mark.parametrize(("rank", "transpose", "estimator"), CASES)
def test_the_layer_within(rank, transpose, estimator):
    kind = getattr(tfl, f"Convolution{rank}D{transpose}{estimator}")
    layer = kind(3, 2, strides=2, padding="SAME", activation="tanh")
    x = np.ones((2, *(4, 3, 2)[:rank], 5), np.float32)
    y = layer(x)
    inner = layer.layer.layers[0]
    assert type(inner) is KINDS[transpose]
    assert inner.estimator == ESTIMATORS[estimator]
    assert inner.kernel_shape == (*(2,) * rank, 5, 3)
    assert (inner.strides, inner.padding) == ((2,) * rank, "same")
    assert layer.compute_output_shape((None, *x.shape[1:])) == (None, *y.shape[1:])
    space = [2 * n if transpose else -(-n // 2) for n in x.shape[1:-1]]
    assert y.shape == (2, *space, 3)


def test_channels_first_has_the_kernel_of_channels_last():
    x = np.random.default_rng(0).normal(size=(2, 5, 4, 3))
    last = tfl.Convolution2DReparameterization(2, (3, 2), name="a", seed=1)
    first = tfl.Convolution2DReparameterization(
        *(2, (3, 2)), data_format="channels_first", name="a", seed=1
    )
    y = last(x, vl.key(0))
    moved = first(np.ascontiguousarray(np.moveaxis(x, -1, 1)), vl.key(0))
    np.testing.assert_allclose(np.moveaxis(moved, 1, -1), y, rtol=1e-10, atol=1e-12)


def test_strides_and_dilations_together_and_causal():
    layer = tfl.Convolution1DFlipout(2, 3, 2, "causal", dilation_rate=2)
    assert layer.compute_output_shape((None, 9, 4)) == (None, 5, 2)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"filters": 0}, ValueError, "Convolution2DFlipout expected `filters` >= 1"),
        ({"kernel_size": (3,)}, ValueError, "expected `kernel_size` with one integer"),
        ({"strides": 0}, ValueError, "expected `strides` >= 1"),
        ({"dilation_rate": 1.5}, TypeError, "expected an integer `dilation_rate`"),
        ({"data_format": "NHWC"}, ValueError, "expected `data_format` 'channels_last'"),
    ],
)
def test_bad_arguments_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        tfl.Convolution2DFlipout(**({"filters": 2, "kernel_size": 3} | arguments))


def test_input_without_space_is_refused():
    with pytest.raises(ValueError, match=r"2 spatial axes and channels, got.*\(4, 3"):
        tfl.Convolution2DFlipout(2, 3)(np.ones((4, 3)))
