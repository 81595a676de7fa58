"""The layer's part of a transposed convolution: lengths, and which way time flows."""

import re

import numpy as np
import pytest

import varlayers as vl


@pytest.mark.parametrize("estimator", ["reparameterization", "local", "flipout"])
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"strides": 2, "padding": "same"}, 10),
        ({"strides": 2, "padding": "same", "output_padding": 0}, 9),
        ({"strides": 2, "padding": "same", "output_size": 9}, 9),
        ({"strides": 4, "output_padding": 3}, 22),
        ({"strides": 4}, 20),
        ({"strides": 2, "dilations": 3, "padding": (1,)}, 13),
    ],
)
def test_length_of_the_output(options, expected, estimator):
    layer = vl.ConvolutionTranspose(2, 3, (3,), estimator=estimator, **options)
    x = np.ones((4, 5, 2))
    params, noise = layer.init(vl.key(0), x), layer.draw(vl.key(1), x.shape, x)
    assert layer.out_shape(x.shape) == (4, expected, 3)
    assert layer.forward(params, x, noise)[0].shape == (4, expected, 3)


@pytest.mark.parametrize("stride", [1, 2])
def test_causal_outputs_see_no_later_input(stride):
    layer = vl.ConvolutionTranspose(
        *(1, 1, 3), rank=1, strides=stride, padding="causal", posterior="point"
    )
    x = np.random.default_rng(0).normal(size=(6, 1))
    params = layer.init(vl.key(0), x)
    y, _ = layer.forward(params, x, {})
    changed = x.copy()
    changed[3] += 1
    same = (layer.forward(params, changed, {})[0] == y)[:, 0]
    assert np.all(same[: 3 * stride])
    assert not same[3 * stride]


def test_is_the_way_back_of_a_convolution():
    """⟨dy, conv(x)⟩ = ⟨transposed(dy), x⟩ for kernels with their channels swapped."""
    rng = np.random.default_rng(0)
    options = {"strides": 2, "padding": "same", "posterior": "point", "bias": None}
    forth = vl.Convolution(3, 4, 5, **options)
    back = vl.ConvolutionTranspose(4, 3, 5, output_size=(7, 8), **options)
    x, kernel = rng.normal(size=(2, 7, 8, 3)), rng.normal(size=forth.kernel_shape)
    y, _ = forth.forward({"kernel": {"loc": kernel}}, x, {})
    dy = rng.normal(size=y.shape)
    swapped = np.swapaxes(kernel, -1, -2)
    dx, _ = back.forward({"kernel": {"loc": swapped}}, dy, {})
    assert np.sum(dx * x) == pytest.approx(np.sum(dy * y), rel=1e-12)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"output_padding": 1},
            "`output_padding` below the stride, (1, 1), got (1, 1)",
        ),
        ({"output_padding": 0, "output_size": 9}, "`output_padding` or `output_size`"),
    ],
)
def test_refuses_settings(options, message):
    message = re.escape(f"ConvolutionTranspose expected {message}")
    with pytest.raises(ValueError, match=message):
        vl.ConvolutionTranspose(2, 3, 3, **options)
