"""The convolution of `Kernels` against a loop over every product."""

import itertools

import numpy as np
import pytest
from support.convolutions import CONVOLUTIONS, arrays_of
from support.libraries import assert_same

from varlayers.convolution_kernels import ConvolutionKernels, swap_channels
from varlayers.kernels import Kernels

K = Kernels(np)


def products(x_shape, w_shape, y_shape, window):
    """Yield the index in x, w and y of every product of the definition."""
    groups = window.groups
    fan_in, fan_out = w_shape[-2], w_shape[-1] // groups
    for i, m in itertools.product(np.ndindex(y_shape[1:-1]), np.ndindex(w_shape[:-2])):
        j = [
            a * s + b * d - low
            for a, b, s, d, (low, _) in zip(i, m, *window[:3], strict=True)
        ]
        if all(0 <= at < n for at, n in zip(j, x_shape[1:-1], strict=True)):
            for group in range(groups):
                inside = slice(group * fan_in, (group + 1) * fan_in)
                out = slice(group * fan_out, (group + 1) * fan_out)
                yield (
                    (slice(None), *j, inside),
                    (*m, slice(None), out),
                    (
                        slice(None),
                        *i,
                        out,
                    ),
                )


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_is_the_sum_of_its_products(name):
    x, w, dy, window = arrays_of(name, 2, np.random.default_rng(0))
    y, dx, dw = np.zeros_like(dy), np.zeros_like(x), np.zeros_like(w)
    for at_x, at_w, at_y in products(x.shape, w.shape, dy.shape, window):
        y[at_y] += x[at_x] @ w[at_w]
        dx[at_x] += dy[at_y] @ w[at_w].T
        dw[at_w] += x[at_x].T @ dy[at_y]
    for actual, desired in (
        (K.conv(x, w, window), y),
        (K.conv_adjoint_x(dy, w, x.shape, window), dx),
        (K.conv_adjoint_w(x, dy, w.shape, window), dw),
    ):
        np.testing.assert_allclose(actual, desired, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("both", "float32"),
        ("grouped", "float64"),
        ("cut", "float64"),
        ("one axis", "float32"),
    ],
)
def test_generic_body_on_every_library(library, name, dtype):
    x, w, dy, window = arrays_of(name, 2, np.random.default_rng(0), dtype)
    kernels = Kernels(library.xp)
    xl, wl, dyl = (library.asarray(array, dtype) for array in (x, w, dy))
    actual = (
        ConvolutionKernels.conv(kernels, xl, wl, window),
        ConvolutionKernels.conv_adjoint_x(kernels, dyl, wl, x.shape, window),
        ConvolutionKernels.conv_adjoint_w(kernels, xl, dyl, w.shape, window),
    )
    desired = (
        K.conv(x, w, window),
        K.conv_adjoint_x(dy, w, x.shape, window),
        K.conv_adjoint_w(x, dy, w.shape, window),
    )
    assert_same(library, actual, desired, 32 * np.finfo(dtype).eps)


@pytest.mark.parametrize("groups", [1, 2, 3])
def test_swapped_channels_lead_back(groups):
    w = np.random.default_rng(0).normal(size=(3, 2, 4, 2 * groups))
    swapped = swap_channels(np, w, groups)
    assert swapped.shape == (3, 2, 2, 4 * groups)
    for group, i, o in itertools.product(range(groups), range(4), range(2)):
        np.testing.assert_array_equal(
            swapped[..., o, group * 4 + i], w[..., i, group * 2 + o]
        )
    np.testing.assert_array_equal(swap_channels(np, swapped, groups), w)
