"""The transposed convolution against torch's and JAX's own, and what it refuses."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.libraries import make_library
from support.maps import convolution_transposes

from varlayers.dispatch import kernels_for
from varlayers.maps import Convolution, ConvolutionTranspose
from varlayers.windows import shortest_input

SEEDS = st.integers(0, 2**32 - 1)


def transpose(rank=2, output_padding=None, output_size=None, **options):
    return ConvolutionTranspose(
        Convolution(rank, **options), output_padding, output_size
    )


def random(seed, *shapes):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape) for shape in shapes]


def channels_first(x, f):
    of = f.convolution
    first = x if of.channels.first else np.moveaxis(x, -1, -of.rank - 1)
    return first.reshape(-1, *first.shape[-of.rank - 1 :])


def own_gradients(f, x, w, dy):
    k = kernels_for(x)
    dx, dw = f.adjoint_x(k, dy, w, x.shape), f.adjoint_w(k, x, dy, w.shape)
    return channels_first(f.apply(k, x, w), f), channels_first(dx, f), dw


def torch_gradients(f, x, w, dy):
    """Return y, dx and dw by torch, for what is left of every full output.

    torch knows pads alike on both sides; others are cut off what it makes without.
    """
    make_library("torch")
    import torch
    from torch.nn import functional

    of = f.convolution
    names = ("conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
    function = getattr(functional, names[of.rank - 1])
    x = torch.tensor(channels_first(x, f), requires_grad=True)
    w = torch.tensor(w, requires_grad=True)
    dy = torch.tensor(channels_first(dy, f))
    grouped = w.unflatten(-1, (of.groups, -1)).movedim((-2, -3, -1), (0, 1, 2))
    weight = grouped.flatten(0, 1)
    full = function(
        x, weight, stride=of.strides, dilation=of.dilations, groups=of.groups
    )
    space = tuple(dy.shape[2:])
    pads = of.window(space, tuple(w.shape[:-2])).pads
    margin = [
        edge
        for n, had, (low, _) in reversed(
            list(zip(space, full.shape[2:], pads, strict=True))
        )
        for edge in (-low, n + low - had)
    ]
    y = functional.pad(full, margin)
    dx, dw = torch.autograd.grad(y, (x, w), dy)
    return y.detach().numpy(), dx.numpy(), dw.numpy()


def jax_gradients(f, x, w, dy):
    """Return y, dx and dw by the transpose that JAX derives of its convolution."""
    make_library("jax")
    import jax

    of = f.convolution
    letters = "DHW"[-of.rank :]
    dy = channels_first(dy, f)
    pads = of.window(dy.shape[2:], w.shape[:-2]).pads

    def forward(y, w):
        *window, fan_in, _ = w.shape
        split = jax.numpy.reshape(w, (*window, fan_in, of.groups, -1))
        swapped = jax.numpy.moveaxis(split, -1, of.rank)  # o / groups, c / groups, g
        swapped = jax.numpy.moveaxis(swapped, -1, of.rank + 1)
        return jax.lax.conv_general_dilated(
            *(y, jax.numpy.reshape(swapped, (*swapped.shape[: of.rank + 1], -1))),
            *(of.strides, pads),
            rhs_dilation=of.dilations,
            dimension_numbers=(f"NC{letters}", f"{letters}IO", f"NC{letters}"),
            feature_group_count=of.groups,
        )

    def apply(x, w):
        return jax.linear_transpose(lambda y: forward(y, w), dy)(x)[0]

    y, back = jax.vjp(apply, channels_first(x, f), w)
    return tuple(map(np.asarray, (y, *back(dy))))


def assert_equals(gradients, problem, seed):
    f, x_shape, w_shape = problem
    x, w, dy = random(seed, x_shape, w_shape, f.out_shape(x_shape, w_shape))
    actual, desired = own_gradients(f, x, w, dy), gradients(f, x, w, dy)
    for one, other in zip(actual, desired, strict=True):
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(problem=convolution_transposes(), seed=SEEDS)
def test_equals_torch(problem, seed):
    assert_equals(torch_gradients, problem, seed)


@settings(deadline=None, derandomize=True, max_examples=6)
@given(problem=convolution_transposes(), seed=SEEDS)
def test_equals_jax(problem, seed):
    assert_equals(jax_gradients, problem, seed)


@pytest.mark.slow
@settings(deadline=None, derandomize=True, max_examples=30)
@given(problem=convolution_transposes(), seed=SEEDS)
def test_equals_jax_on_many(problem, seed):
    assert_equals(jax_gradients, problem, seed)


@pytest.mark.parametrize("output_padding", [0, 1, 2])
@pytest.mark.parametrize("pad", [0, 1])
def test_output_padding_is_that_of_torch(pad, output_padding):
    make_library("torch")
    import torch

    f = transpose(1, output_padding, strides=3, padding=pad)
    x, w = random(0, (2, 4, 2), (3, 2, 3))
    desired = torch.nn.functional.conv_transpose1d(
        *(torch.tensor(x).mT, torch.tensor(w).permute(1, 2, 0)),
        stride=3,
        padding=pad,
        output_padding=output_padding,
    )
    y = f.apply(kernels_for(x), x, w)
    np.testing.assert_allclose(y, desired.mT.numpy(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_zeros_where_the_filter_does_not_reach(stride):
    """A filter shorter than its stride leaves gaps, as long as they say."""
    x, w = random(0, (4, 1), (1, 1, 1))
    y = transpose(1, strides=stride).apply(kernels_for(x), x, w)
    expected = np.zeros((4 * stride, 1))
    expected[::stride] = x * w[0]
    np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_anticausal_way_back_is_causal(stride):
    """So the layer swaps the two: its "causal" lets no output see a later input."""
    f = transpose(1, strides=stride, dilations=2, padding="anticausal")
    x, w = random(0, (5, 2), (3, 2, 1))
    y = f.apply(kernels_for(x), x, w)
    assert len(y) == 5 * stride
    for i in range(5):
        changed = x.copy()
        changed[i] += 1
        same = f.apply(kernels_for(x), changed, w) == y
        assert np.all(same[: i * stride])
        assert not np.any(same[i * stride])


@pytest.mark.parametrize(
    ("options", "x_shape", "w_shape", "expected"),
    [
        ({}, (16, 1, 1, 4), (7, 7, 4, 8), (16, 7, 7, 8)),
        ({"strides": 4, "padding": "same"}, (7, 7, 3), (4, 4, 3, 1), (28, 28, 1)),
        ({"strides": 2}, (2, 9, 8, 3), (3, 3, 3, 1), (2, 19, 17, 1)),
        ({"strides": 2, "padding": "same"}, (9, 8, 3), (3, 3, 3, 1), (18, 16, 1)),
        ({"dilations": 2}, (9, 8, 3), (3, 3, 3, 1), (13, 12, 1)),
        ({"strides": 3}, (4, 4, 3), (2, 1, 3, 1), (12, 12, 1)),
        ({"strides": 3, "padding": 0}, (4, 4, 3), (2, 1, 3, 1), (11, 10, 1)),
        (
            {"strides": 2, "padding": "same", "output_size": (9, 8)},
            (5, 4, 3),
            (2, 2, 3, 1),
            (9, 8, 1),
        ),
        (
            {"strides": 2, "padding": "same", "output_padding": 0},
            (5, 4, 3),
            (4, 4, 3, 1),
            (9, 7, 1),
        ),
        (
            {"strides": (2, 3), "output_padding": (1, 2)},
            (5, 4, 3),
            (3, 1, 3, 1),
            (12, 12, 1),
        ),
        (
            {"strides": 2, "data_format": "channels_first", "groups": 3},
            (6, 3, 5),
            (2, 2, 2, 3),
            (3, 6, 10),
        ),
    ],
)
def test_shape_of_the_output(options, x_shape, w_shape, expected):
    assert transpose(**options).out_shape(x_shape, w_shape) == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"output_padding": 1},
            "`output_padding` below the stride, (1, 1), got (1, 1).",
        ),
        (
            {"strides": (3, 2), "output_padding": (2, 2)},
            "`output_padding` below the stride, (3, 2), got (2, 2).",
        ),
        ({"output_padding": -1}, "`output_padding` >= 0, got -1."),
        ({"output_padding": (0,)}, "`output_padding` with one integer or 2, one for"),
        ({"output_size": 0}, "`output_size` >= 1, got 0."),
        ({"output_size": (9, 9, 9)}, "`output_size` with one integer or 2, one for"),
        (
            {"output_padding": 0, "output_size": 9},
            "`output_padding` or `output_size`, got 0 and 9. Give one.",
        ),
    ],
)
def test_refuses_settings(options, message):
    message = re.escape(f"ConvolutionTranspose expected {message}")
    with pytest.raises(ValueError, match=message):
        transpose(**options)


@pytest.mark.parametrize("option", ["output_padding", "output_size"])
def test_refuses_what_is_no_integer(option):
    message = f"ConvolutionTranspose expected an integer `{option}`, got 0.5"
    with pytest.raises(TypeError, match=re.escape(message)):
        transpose(**{option: 0.5})


@pytest.mark.parametrize("size", [(8, 9), (11, 9), (9, 8), (10, 11)])
def test_refuses_an_output_size_that_the_convolution_takes_elsewhere(size):
    f = transpose(strides=2, padding="same", output_size=size)
    message = (
        "ConvolutionTranspose expected `output_size` from (9, 9) to (10, 10) for `x` "
        f"with positions (5, 5), got {size}."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        f.out_shape((5, 5, 3), (3, 3, 3, 1))


@pytest.mark.parametrize(("padding", "space"), [(1, (1, 4)), ("same", (0, 4))])
def test_refuses_an_input_with_nothing_left(padding, space):
    f = transpose(padding=padding)
    message = "ConvolutionTranspose expected `x` with positions enough for its padding"
    with pytest.raises(ValueError, match=re.escape(f"{message}, got {space}")):
        f.out_shape((*space, 3), (2, 2, 3, 1))


def test_refuses_other_channels():
    message = r"^ConvolutionTranspose expected `x` of shape \(\.\.\., space, 6\), got "
    with pytest.raises(ValueError, match=message):
        transpose(1, groups=2).out_shape((5, 3), (3, 3, 4))


def test_shortest_is_the_rule_of_the_docstring():
    for n, span, stride in ((4, 5, 2), (1, 2, 3), (3, 1, 1)):
        assert shortest_input("same", n, span, stride) == (n - 1) * stride + 1
        assert shortest_input((1, 0), n, span, stride) == (n - 1) * stride + span - 1
