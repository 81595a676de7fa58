"""A map of one's own needs its product and adjoints only; the pairs come with it."""

import numpy as np

from varlayers.dispatch import kernels_for
from varlayers.maps import BilinearMap
from varlayers.types import FlippedWeight


class Product(BilinearMap):
    """y = x w, entry by entry of the last axis."""

    def apply(self, k, x, w):
        return x * w

    def adjoint_x(self, k, dy, w, x_shape):
        return dy * w

    def adjoint_w(self, k, x, dy, w_shape):
        return k.xp.sum(x * dy, axis=0)


def test_the_pairs_are_made_of_the_product():
    rng = np.random.default_rng(0)
    x, dy, dv = rng.normal(size=(3, 4, 2))
    loc, delta = rng.normal(size=(2, 2))
    r, s = rng.choice([-1.0, 1.0], (2, 4, 2))
    k, f, w = kernels_for(x), Product(), FlippedWeight(loc, delta, r, s)
    own = loc + delta * r * s
    np.testing.assert_allclose(f.apply_flipped(k, x, w), x * own)
    np.testing.assert_allclose(f.flipped_adjoint_x(k, dy, w, x.shape), dy * own)
    by_loc, by_delta = f.flipped_adjoint_w(k, x, dy, w)
    np.testing.assert_allclose(by_loc, np.sum(x * dy, axis=0))
    np.testing.assert_allclose(by_delta, np.sum(x * dy * r * s, axis=0))
    m, v = f.moments(k, x, loc, delta)
    np.testing.assert_allclose((m, v), (x * loc, x**2 * delta))
    dx = f.moments_adjoint_x(k, x, (dy, dv), loc, delta)
    np.testing.assert_allclose(dx, dy * loc + 2 * x * dv * delta)
    by_loc, by_var = f.moments_adjoint_w(k, x, (dy, dv), loc.shape)
    np.testing.assert_allclose(by_loc, np.sum(x * dy, axis=0))
    np.testing.assert_allclose(by_var, np.sum(x**2 * dv, axis=0))
