"""What holds for every map of the registry."""

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.libraries import assert_same, make_library
from support.maps import MAP_EXAMPLES, examples_of, groups_of

from varlayers.dispatch import kernels_for
from varlayers.maps import MAPS, BilinearMap
from varlayers.types import FlippedWeight
from varlayers_backends import convolving

CASES = [
    (name, x_shape)
    for name, example in MAP_EXAMPLES.items()
    for x_shape in example.x_shapes
]
SEEDS = st.integers(0, 2**32 - 1)


def arrays(f, x_shape, w_shape, seed=0):
    """Return the kernels, and random x, w and dy."""
    rng = np.random.default_rng(seed)
    x, w = rng.normal(size=x_shape), rng.normal(size=w_shape)
    return kernels_for(x), x, w, rng.normal(size=f.out_shape(x_shape, w_shape))


def test_every_map_has_an_example():
    assert MAP_EXAMPLES.keys() == MAPS.keys()
    for name, example in MAP_EXAMPLES.items():
        assert type(example.map) is type(MAPS[name])


@settings(deadline=None, derandomize=True)
@given(data=st.data(), seed=SEEDS)
@pytest.mark.parametrize("name", MAP_EXAMPLES)
def test_adjoints(name, data, seed):
    f, x_shape, w_shape = data.draw(MAP_EXAMPLES[name].problems)
    k, x, w, dy = arrays(f, x_shape, w_shape, seed)
    y = f.apply(k, x, w)
    dx, dw = f.adjoint_x(k, dy, w, x_shape), f.adjoint_w(k, x, dy, w_shape)
    assert (y.shape, dx.shape, dw.shape) == (dy.shape, x_shape, w_shape)
    expected = pytest.approx(np.sum(dy * y), rel=1e-10, abs=1e-10)
    assert np.sum(dx * x) == expected
    assert np.sum(dw * w) == expected


@settings(deadline=None, derandomize=True)
@given(data=st.data(), seed=SEEDS)
@pytest.mark.parametrize("name", MAP_EXAMPLES)
def test_channels(name, data, seed):
    f, x_shape, w_shape = data.draw(MAP_EXAMPLES[name].problems)
    k, _, _, dy = arrays(f, x_shape, w_shape, seed)
    b = np.random.default_rng(seed).normal(size=w_shape[-1])
    added, both = f.add_channels(k, np.zeros_like(dy), b), dy + 0
    assert added.shape == dy.shape
    assert f.sum_channels(k, dy).shape == b.shape
    expected = pytest.approx(np.sum(dy * added), rel=1e-10, abs=1e-10)
    assert np.sum(f.sum_channels(k, dy) * b) == expected
    both = f.add_channels(k, both, b)
    np.testing.assert_allclose(both, dy + added, rtol=0, atol=1e-15)


@settings(deadline=None, derandomize=True)
@given(data=st.data(), seed=SEEDS)
@pytest.mark.parametrize("name", MAP_EXAMPLES)
def test_channel_signs_give_each_example_one_weight(name, data, seed):
    """f(x ∘ r, w) ∘ s is, for each example, f(x, w with r and s on its channels)."""
    f, x_shape, w_shape = data.draw(MAP_EXAMPLES[name].problems)
    k, x, w, dy = arrays(f, x_shape, w_shape, seed)
    r_shape, s_shape = f.sign_shapes(x.shape, dy.shape)
    assert (len(r_shape), len(s_shape)) == (x.ndim, dy.ndim)
    rng = np.random.default_rng(seed)
    r, s = rng.choice([-1.0, 1.0], r_shape), rng.choice([-1.0, 1.0], s_shape)
    flipped = f.apply(k, x * r, w) * s
    for one in examples_of(f, x_shape):
        own = signs_of_groups(r[one], w_shape, groups_of(f)) * w * s[one].reshape(-1)
        expected = f.apply(k, x[one], own)
        np.testing.assert_allclose(flipped[one], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("positions", [0, 1000])
@settings(deadline=None, derandomize=True)
@given(data=st.data(), seed=SEEDS)
@pytest.mark.parametrize("name", MAP_EXAMPLES)
def test_two_products_of_one_argument(name, positions, data, seed):
    """Computed by one product (from 0 positions on) or by two, they are as defined."""
    f, x_shape, w_shape = data.draw(MAP_EXAMPLES[name].problems)
    k, x, w, dy = arrays(f, x_shape, w_shape, seed)
    rng = np.random.default_rng(seed)
    signs = f.sign_shapes(x.shape, dy.shape)
    if data.draw(st.booleans()):
        signs = (x.shape, dy.shape)
    r, s = (rng.choice([-1.0, 1.0], shape) for shape in signs)
    pair, grads = FlippedWeight(w, rng.normal(size=w_shape), r, s), (dy, np.sin(dy))
    with patch.object(convolving, "_POSITIONS", positions):
        actual = every_pair(f, k, x, dy, pair, grads)
    desired = every_pair(Defined(f), k, x, dy, pair, grads)
    for one, other in zip(actual, desired, strict=True):
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-10)


class Defined(BilinearMap):
    """A map with the pairs as they are defined."""

    def __init__(self, f):
        self.apply, self.adjoint_x, self.adjoint_w = f.apply, f.adjoint_x, f.adjoint_w


def every_pair(f, k, x, dy, w, grads):
    """Return all that a map computes by two products."""
    return (
        f.apply_flipped(k, x, w),
        f.flipped_adjoint_x(k, dy, w, x.shape),
        *f.flipped_adjoint_w(k, x, dy, w),
        *f.moments(k, x, w.loc, w.delta**2),
        f.moments_adjoint_x(k, x, grads, w.loc, w.delta**2),
        *f.moments_adjoint_w(k, x, grads, w.loc.shape),
    )


def signs_of_groups(r, w_shape, groups):
    """Return the signs of w's channels in, as each of its channels out sees them."""
    per_group = np.repeat(r.reshape(groups, -1), w_shape[-1] // groups, axis=0)
    return per_group.T


@pytest.mark.parametrize(("name", "x_shape"), CASES)
def test_same_numbers_on_every_library(library, name, x_shape):
    f, w_shape = MAP_EXAMPLES[name].map, MAP_EXAMPLES[name].w_shape
    k, x, w, dy = arrays(f, x_shape, w_shape)
    b = w.reshape(-1, w_shape[-1])[0]
    xl, wl, dyl, bl = (library.asarray(array) for array in (x, w, dy, b))
    kl = kernels_for(xl)
    actual = (
        f.apply(kl, xl, wl),
        f.adjoint_x(kl, dyl, wl, x_shape),
        f.adjoint_w(kl, xl, dyl, w_shape),
        f.sum_channels(kl, dyl),
        f.add_channels(kl, dyl, bl),
    )
    desired = (
        f.apply(k, x, w),
        f.adjoint_x(k, dy, w, x_shape),
        f.adjoint_w(k, x, dy, w_shape),
        f.sum_channels(k, dy),
        f.add_channels(k, dy, b),
    )
    assert_same(library, actual, desired, 1e-12)


@pytest.mark.parametrize(("name", "x_shape"), CASES)
def test_traces_under_jit(name, x_shape):
    library = make_library("jax")
    import jax

    f, w_shape = MAP_EXAMPLES[name].map, MAP_EXAMPLES[name].w_shape
    k, x, w, dy = arrays(f, x_shape, w_shape)

    @jax.jit
    def every(x, w, dy):
        k = kernels_for(x)
        dx = f.adjoint_x(k, dy, w, x_shape)
        return f.apply(k, x, w), dx, f.adjoint_w(k, x, dy, w_shape)

    desired = (
        f.apply(k, x, w),
        f.adjoint_x(k, dy, w, x_shape),
        f.adjoint_w(k, x, dy, w_shape),
    )
    actual = every(*(library.asarray(array) for array in (x, w, dy)))
    assert_same(library, actual, desired, 1e-12)
