"""Every convolution is the one of varlayers that its name says."""

import numpy as np
import pytest

import varlayers as vl
from varlayers.compat import tfn
from varlayers.estimators import Flipout, LocalReparameterization, Reparameterization

ESTIMATORS = {
    "Reparameterization": Reparameterization(),
    "ReparameterizationLocal": LocalReparameterization(),
    "Flipout": Flipout("channel"),
}
KINDS = {"": vl.Convolution, "Transpose": vl.ConvolutionTranspose}
CASES = [(r, t, e) for r in (1, 2, 3) for t in KINDS for e in ESTIMATORS]


@pytest.mark.parametrize(("rank", "transpose", "estimator"), CASES)
def test_the_layer_within(rank, transpose, estimator):
    kind = getattr(tfn, f"Convolution{transpose}Variational{estimator}")
    layer = kind(5, 3, 2, rank, strides=(2,) * rank, padding="SAME")
    inner = layer.layer
    assert type(inner) is KINDS[transpose]
    assert inner.estimator == ESTIMATORS[estimator]
    assert inner.kernel_shape == (*(2,) * rank, 5, 3)
    x = np.ones((2, *(4, 3, 2)[:rank], 5), np.float32)
    space = [2 * n if transpose else -(-n // 2) for n in x.shape[1:-1]]
    assert layer(x).shape == (2, *space, 3)


@pytest.mark.parametrize(
    ("shape", "arguments", "expected"),
    [
        ((1, 1), {"filter_shape": 7}, (7, 7)),
        ((7, 7), {"filter_shape": 4, "strides": 4, "padding": "same"}, (28, 28)),
        ((9, 8), {"filter_shape": 3, "strides": 2}, (19, 17)),
        ((9, 8), {"filter_shape": 3, "strides": 2, "padding": "SAME"}, (18, 16)),
        ((9, 8), {"filter_shape": 3, "dilations": 2}, (13, 12)),
        ((5, 5), {"filter_shape": 3, "strides": 2, "output_padding": 1}, (12, 12)),
    ],
)
def test_shapes_of_transposed_layers(shape, arguments, expected):
    layer = tfn.ConvolutionTransposeVariationalFlipout(2, 3, **arguments)
    assert layer.layer.out_shape((1, *shape, 2)) == (1, *expected, 3)


def test_signs_by_position_as_an_option():
    layer = tfn.ConvolutionVariationalFlipout(2, 3, 3, signs="element")
    assert layer.layer.estimator == Flipout("element")


@pytest.mark.parametrize("kind", [tfn.Convolution, tfn.ConvolutionTranspose])
def test_points(kind):
    layer = kind(2, 3, 1, activation_fn="relu")
    x = np.random.default_rng(0).normal(size=(4, 3, 2)).astype(np.float32)
    expected = np.maximum(x @ layer.kernel[0, 0], 0)
    np.testing.assert_allclose(layer(x), expected, rtol=1e-5, atol=1e-6)
    assert layer.bias.shape == (3,)
    assert kind(2, 3, 1, make_kernel_bias_fn=lambda *_: ["point"]).bias is None


@pytest.mark.parametrize(
    "method", ["auto", "dilation", "subkernels", "subkernel_matrix"]
)
def test_methods_give_the_same(method):
    kind = tfn.ConvolutionTransposeVariationalFlipout
    one, other = (
        kind(2, 3, 3, method=m, index_dtype="int64", seed=0, name="a")
        for m in ("auto", method)
    )
    x = np.ones((2, 4, 4, 2), np.float32)
    np.testing.assert_array_equal(one(x), other(x))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input_size": 0}, "ConvolutionVariationalFlipout expected `input_size` >= 1"),
        ({"output_size": 0}, "expected `output_size` >= 1, got 0"),
        ({"rank": 4}, "expected `rank` 1, 2 or 3, got 4"),
        ({"method": "subkernels_matrix"}, "expected `method` in .*'subkernel_matrix'"),
        ({"output_padding": 1}, "expected no `output_padding`, got 1"),
        ({"filter_shape": (3, 3, 3)}, "expected `filter_shape` with one integer or 2"),
        ({"signs": "all"}, "expected `signs` 'channel' or 'element'"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    good = {"input_size": 2, "output_size": 2, "filter_shape": 3}
    with pytest.raises(ValueError, match=message):
        tfn.ConvolutionVariationalFlipout(**(good | arguments))
