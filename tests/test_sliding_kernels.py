"""What an offset meets, by a loop over every position, and its adjoint."""

import itertools

import numpy as np
import pytest
from support.libraries import assert_same
from support.poolings import POOLINGS, arrays_of

from varlayers.kernels import Kernels
from varlayers.sliding_kernels import SlidingKernels, cut
from varlayers.windows import out_space

K = Kernels(np)


def met(x, out, filter_shape, window, fill):
    """Return the entries that each offset meets, one position at a time."""
    parts = []
    for m in np.ndindex(filter_shape):
        part = np.full((len(x), *out, x.shape[-1]), fill)
        for i in np.ndindex(out):
            j = [
                a * s + b * d - low
                for a, b, s, d, (low, _) in zip(i, m, *window[:3], strict=True)
            ]
            if all(0 <= at < n for at, n in zip(j, x.shape[1:-1], strict=True)):
                part[(slice(None), *i)] = x[(slice(None), *j)]
        parts.append(part)
    return parts


@pytest.mark.parametrize("name", sorted(POOLINGS.keys() - {"more than a byte"}))
def test_slide_and_its_adjoint(name):
    x, _, filter_shape, window = arrays_of(name, 2, np.random.default_rng(0))
    out = out_space(x.shape[1:-1], filter_shape, window)
    parts = K._slide(x, filter_shape, window, 7.0)
    for part, expected in itertools.zip_longest(
        parts, met(x, out, filter_shape, window, 7.0)
    ):
        np.testing.assert_array_equal(part, expected)
    rng = np.random.default_rng(1)
    grads = [rng.normal(size=part.shape) for part in parts]
    dx = K._fold(grads, x.shape[1:-1], filter_shape, window)
    assert dx.shape == x.shape
    parts = K._slide(x, filter_shape, window)
    inner = sum(np.sum(g * part) for g, part in zip(grads, parts, strict=True))
    assert np.sum(dx * x) == pytest.approx(inner, rel=0, abs=1e-12 * x.size)


@pytest.mark.parametrize("name", ["both", "cut", "dilated, shared"])
def test_same_numbers_on_every_library(library, name):
    x, _, filter_shape, window = arrays_of(name, 2, np.random.default_rng(0))
    kernels = Kernels(library.xp)
    kernels.device = lambda x: None if library.name == "jax" else x.device
    parts = SlidingKernels._slide(kernels, library.asarray(x), filter_shape, window)
    expected = K._slide(x, filter_shape, window)
    assert_same(library, tuple(parts), tuple(expected), 0)
    dx = SlidingKernels._fold(kernels, parts, x.shape[1:-1], filter_shape, window)
    space = x.shape[1:-1]
    assert_same(library, dx, K._fold(expected, space, filter_shape, window), 1e-14)


def test_cut_takes_a_slice_of_one_axis():
    x = np.arange(24).reshape(2, 3, 4)
    np.testing.assert_array_equal(cut(x, 1, slice(1, None)), x[:, 1:])
    np.testing.assert_array_equal(cut(x, 2, slice(None, None, 2)), x[:, :, ::2])
