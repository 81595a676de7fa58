"""The pairs of products, on the smallest bilinear map there is: y = x w, of numbers.

`tests/maps/test_maps.py` holds every map to them.
"""

import numpy as np
import pytest

from varlayers import two_products
from varlayers.kernels import Kernels
from varlayers.types import FlippedWeight

K = Kernels(np)
X, DY = np.array([2.0, -1.0, 0.5]), np.array([0.25, 3.0, -2.0])
R, S = np.array([1.0, -1.0, -1.0]), np.array([-1.0, 1.0, -1.0])
W = FlippedWeight(np.float64(0.7), np.float64(0.2), R, S)


def apply(x, w):
    return x * w


def adjoint_w(x, dy):
    return np.sum(x * dy)


def test_flipped_is_one_weight_with_signs_for_each_entry():
    weight = 0.7 + 0.2 * R * S
    np.testing.assert_allclose(two_products.flipped(K, apply, X, W), X * weight)
    dx = two_products.flipped_adjoint_x(K, apply, DY, W)
    np.testing.assert_allclose(dx, DY * weight)
    dloc, ddelta = two_products.flipped_adjoint_w(K, adjoint_w, X, DY, W)
    assert dloc == pytest.approx(np.sum(X * DY))
    assert ddelta == pytest.approx(np.sum(X * DY * R * S))


def test_moments_are_those_of_a_weight_with_noise():
    m, v = two_products.moments(K, apply, X, np.float64(0.7), np.float64(0.04))
    draws = np.random.default_rng(0).normal(0.7, 0.2, (100_000, 1)) * X
    np.testing.assert_allclose(draws.mean(axis=0), m, atol=4 * 0.2 * 2 / 100_000**0.5)
    np.testing.assert_allclose(draws.var(axis=0), v, rtol=4 * (2 / 100_000) ** 0.5)


def test_gradients_of_the_moments():
    dm, dv = DY, np.array([1.0, -0.5, 2.0])
    dx = two_products.moments_adjoint_x(
        K, apply, X, (dm, dv), np.float64(0.7), np.float64(0.04)
    )
    np.testing.assert_allclose(dx, dm * 0.7 + dv * 2 * X * 0.04)
    dloc, dvar = two_products.moments_adjoint_w(K, adjoint_w, X, (dm, dv))
    assert dloc == pytest.approx(np.sum(X * dm))
    assert dvar == pytest.approx(np.sum(X**2 * dv))
