"""The convolution against torch's and JAX's own, and what it refuses."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.libraries import make_library
from support.maps import convolutions

from varlayers.dispatch import kernels_for
from varlayers.maps import CONVOLUTION, Convolution
from varlayers.windows import span_of

SEEDS = st.integers(0, 2**32 - 1)


def random(seed, *shapes):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape) for shape in shapes]


def channels_first(x, f):
    """Return x as (n, c, *space)."""
    first = x if f.channels.first else np.moveaxis(x, -1, -f.rank - 1)
    return first.reshape(-1, *first.shape[-f.rank - 1 :])


def own_gradients(f, x, w, dy):
    k = kernels_for(x)
    return (
        f.apply(k, x, w),
        f.adjoint_x(k, dy, w, x.shape),
        f.adjoint_w(k, x, dy, w.shape),
    )


def torch_gradients(f, x, w, dy):
    """Return y, dx and dw by torch's convolution and its autograd, channels first."""
    make_library("torch")
    import torch
    from torch.nn import functional

    function = (functional.conv1d, functional.conv2d, functional.conv3d)[f.rank - 1]
    x = torch.tensor(channels_first(x, f), requires_grad=True)
    w = torch.tensor(w, requires_grad=True)
    pads = f.window(tuple(x.shape[2:]), tuple(w.shape[:-2])).pads
    flat = [pad for pair in reversed(pads) for pad in pair]
    y = function(
        functional.pad(x, flat),
        w.movedim((-1, -2), (0, 1)),
        stride=f.strides,
        dilation=f.dilations,
        groups=f.groups,
    )
    dx, dw = torch.autograd.grad(y, (x, w), torch.tensor(channels_first(dy, f)))
    return y.detach().numpy(), dx.numpy(), dw.numpy()


def jax_gradients(f, x, w, dy):
    """Return y, dx and dw by JAX's convolution and its autodiff, channels first."""
    make_library("jax")
    import jax

    named = f.padding in ("same", "valid")
    space = channels_first(x, f).shape[2:]
    padding = f.padding.upper() if named else f.window(space, w.shape[:-2]).pads
    letters = "DHW"[-f.rank :]

    def conv(x, w):
        return jax.lax.conv_general_dilated(
            *(x, w, f.strides, padding),
            rhs_dilation=f.dilations,
            dimension_numbers=(f"NC{letters}", f"{letters}IO", f"NC{letters}"),
            feature_group_count=f.groups,
        )

    y, back = jax.vjp(conv, channels_first(x, f), w)
    return tuple(map(np.asarray, (y, *back(channels_first(dy, f)))))


@settings(deadline=None, derandomize=True, max_examples=60)
@given(problem=convolutions(), seed=SEEDS)
def test_equals_torch(problem, seed):
    assert_equals(torch_gradients, problem, seed)


@settings(deadline=None, derandomize=True, max_examples=8)
@given(problem=convolutions(), seed=SEEDS)
def test_equals_jax(problem, seed):
    assert_equals(jax_gradients, problem, seed)


@pytest.mark.slow
@settings(deadline=None, derandomize=True, max_examples=30)
@given(problem=convolutions(), seed=SEEDS)
def test_equals_jax_on_many(problem, seed):
    assert_equals(jax_gradients, problem, seed)


def assert_equals(gradients, problem, seed):
    f, x_shape, w_shape = problem
    x, w, dy = random(seed, x_shape, w_shape, f.out_shape(x_shape, w_shape))
    y, dx, dw = own_gradients(f, x, w, dy)
    actual = (channels_first(y, f), channels_first(dx, f), dw)
    for one, other in zip(actual, gradients(f, x, w, dy), strict=True):
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("filter_size", [1, 2, 3, 4, 6, 9])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_same_is_that_of_jax(filter_size, stride):
    f = Convolution(1, strides=stride, padding="same")
    x, w = random(0, (2, 7, 1), (filter_size, 1, 1))
    dy = np.ones(f.out_shape(x.shape, w.shape))
    y = channels_first(own_gradients(f, x, w, dy)[0], f)
    np.testing.assert_allclose(y, jax_gradients(f, x, w, dy)[0], atol=1e-12)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("padding", ["causal", "anticausal"])
def test_time_flows_one_way(padding, stride):
    """Whatever an output does not see cannot change it, and the next entry does."""
    f, (x, w) = Convolution(1, stride, 2, padding), random(0, (9, 2), (3, 2, 1))
    y = f.apply(kernels_for(x), x, w)
    for i in range(len(y)):
        changed = x.copy()
        hidden = (
            slice(i * stride + 1, None) if padding == "causal" else slice(i * stride)
        )
        changed[hidden] += 1
        np.testing.assert_array_equal(f.apply(kernels_for(x), changed, w)[i], y[i])
        changed[i * stride] += 1
        assert np.all(f.apply(kernels_for(x), changed, w)[i] != y[i])


def test_settings_are_one_form():
    assert Convolution(2, 2, 3, 1) == Convolution(2, (2, 2), (3, 3), ((1, 1), (1, 1)))
    assert Convolution(2, padding=(1, (0, 2))).padding == ((1, 1), (0, 2))
    assert Convolution(2, strides=[1, 2], padding=[[0, 1], [2, 3]]) == Convolution(
        2, strides=(1, 2), padding=((0, 1), (2, 3))
    )
    assert hash(Convolution(2, 2)) == hash(Convolution(2, (2, 2)))
    assert Convolution() == CONVOLUTION


@pytest.mark.parametrize(
    ("options", "x_shape", "w_shape", "expected"),
    [
        ({}, (2, 5, 6, 3), (3, 2, 3, 4), (2, 3, 5, 4)),
        ({}, (5, 6, 3), (3, 2, 3, 4), (3, 5, 4)),
        ({"strides": 2, "padding": "same"}, (28, 28, 1), (5, 5, 1, 8), (14, 14, 8)),
        ({"padding": "same"}, (2, 1, 1, 3), (7, 5, 3, 4), (2, 1, 1, 4)),
        ({"strides": 3}, (2, 0, 4, 7, 3), (1, 1, 3, 4), (2, 0, 2, 3, 4)),
        (
            {"data_format": "channels_first"},
            (7, 2, 3, 5, 6),
            (3, 2, 3, 4),
            (7, 2, 4, 3, 5),
        ),
        ({"rank": 1, "padding": "causal"}, (6, 2), (9, 2, 4), (6, 4)),
        ({"rank": 4, "groups": 2}, (3, 3, 3, 3, 4), (2,) * 5 + (6,), (2,) * 4 + (6,)),
    ],
)
def test_shape_of_the_output(options, x_shape, w_shape, expected):
    assert Convolution(**options).out_shape(x_shape, w_shape) == expected


@pytest.mark.parametrize(
    ("data_format", "x_shape", "signs_in", "signs_out"),
    [
        ("channels_last", (5, 6, 3), (1, 1, 3), (1, 1, 4)),
        ("channels_last", (2, 7, 5, 6, 3), (2, 7, 1, 1, 3), (2, 7, 1, 1, 4)),
        ("channels_first", (7, 3, 5, 6), (7, 3, 1, 1), (7, 4, 1, 1)),
    ],
)
def test_signs_are_constant_over_positions(data_format, x_shape, signs_in, signs_out):
    f = Convolution(data_format=data_format)
    y_shape = f.out_shape(x_shape, (2, 2, 3, 4))
    assert f.sign_shapes(x_shape, y_shape) == (signs_in, signs_out)


TOO_SMALL = (
    r"Convolution expected `x` with positions for a filter that spans {}, got {}"
)


@pytest.mark.parametrize(
    ("options", "x_shape", "filter_shape"),
    [
        ({}, (4, 5), (5, 1)),
        ({}, (4, 4), (3, 5)),
        ({"dilations": 2}, (4, 5), (3, 1)),
        ({"padding": "same"}, (0, 5), (3, 3)),
        ({"padding": ((0, 1), 0)}, (1, 5), (3, 3)),
    ],
)
def test_refuses_an_input_too_small_for_its_filter(options, x_shape, filter_shape):
    f = Convolution(**options)
    spans = tuple(map(span_of, filter_shape, f.dilations))
    message = TOO_SMALL.format(re.escape(str(spans)), re.escape(str(x_shape)))
    with pytest.raises(ValueError, match=message):
        f.out_shape((2, *x_shape, 3), (*filter_shape, 3, 4))


@pytest.mark.parametrize("x_shape", [(5, 5, 4), (5, 3), (), (2, 5, 5, 1)])
def test_refuses_other_channels(x_shape):
    message = r"^Convolution expected `x` of shape \(\.\.\., space, space, 6\), got "
    with pytest.raises(ValueError, match=message):
        Convolution(groups=2).out_shape(x_shape, (3, 3, 3, 4))


def test_refuses_channels_last_where_they_are_first():
    message = r"expected `x` of shape \(\.\.\., 3, space\), got \(2, 5, 3\)\."
    with pytest.raises(ValueError, match=message):
        Convolution(1, data_format="channels_first").out_shape((2, 5, 3), (2, 3, 4))
