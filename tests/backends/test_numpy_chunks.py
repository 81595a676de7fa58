"""Chunks tile their arrays; Horner's rule is the polynomial."""

import numpy as np
import pytest
from numpy.polynomial.polynomial import polyval

from varlayers_backends.numpy_chunks import CHUNK, chunks, polynomial, scalars


@pytest.mark.parametrize("count", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 5])
def test_chunks_tile_the_arrays(count):
    x = np.arange(count)
    (factor,) = scalars(np.float32, 3)
    parts = list(chunks(count, x, -x, factor))
    assert all(part.size <= CHUNK for part, _, _ in parts)
    assert all(scalar is factor for _, _, scalar in parts)
    assert all(np.array_equal(part, -negated) for part, negated, _ in parts)
    assert np.array_equal(np.concatenate([x[:0], *(part for part, _, _ in parts)]), x)


def test_chunks_are_views():
    x = np.zeros(CHUNK + 1)
    for (part,) in chunks(x.size, x):
        part += 1
    assert np.all(x == 1)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_scalars_do_not_change_the_dtype(dtype):
    for scalar in scalars(dtype, 2, 0.5):
        assert scalar.shape == ()
        assert (np.ones(3, dtype) * scalar).dtype == dtype


@pytest.mark.parametrize("degree", [1, 2, 5])
def test_polynomial(degree):
    coefficients = np.random.default_rng(degree).normal(size=degree + 1)
    x, out = np.linspace(-2, 2, 11), np.empty(11)
    polynomial(scalars(np.float64, *coefficients), x, out)
    np.testing.assert_allclose(out, polyval(x, coefficients), rtol=1e-13, atol=1e-13)
