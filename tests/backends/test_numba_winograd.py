"""Winograd's convolutions against the definition, at edges, on threads."""

import numpy as np
import pytest

pytest.importorskip("numba")

from threadpoolctl import threadpool_limits

from varlayers.types import FlippedWeight
from varlayers.windows import Window, out_space
from varlayers_backends import numba_convolution, numba_winograd, numpy_convolution
from varlayers_backends.numba_tile import lanes_of

LANES = lanes_of(np.dtype(np.float32))
SETTINGS = {
    "even": ((32, 32), (3, 3), ((1, 1), (1, 1)), 8, 2, 2),
    "odd": ((13, 17), (3, 3), ((1, 1), (1, 1)), 9, 1, 3),
    "valid": ((20, 11), (3, 3), ((0, 0), (0, 0)), 15, 2, 1),
    "wide": ((11, 12), (3, 3), ((2, 3), (4, 1)), 9, 2, 1),
    "cut": ((16, 16), (3, 3), ((-1, 0), (2, -3)), 12, 1, 2),
    "solid": ((8, 8, 8), (3, 3, 3), ((1, 1), (1, 1), (1, 1)), 3, 1, 2),
    "flat": ((3, 14, 14), (1, 3, 3), ((0, 0), (1, 1), (1, 1)), 4, 2, 1),
    "deep": ((5, 9, 10), (4, 3, 3), ((2, 3), (1, 1), (0, 2)), 3, 1, 1),
    "beyond": ((2, 16, 16), (2, 3, 3), ((2, 2), (1, 1), (1, 1)), 4, 1, 1),
}


def window_of(pads, **changes):
    ones = (1,) * len(pads)
    return Window(
        **{"strides": ones, "dilations": ones, "pads": pads, "groups": 1} | changes
    )


def problem(name, seed=0):
    """Return x, w, dy and the window of a setting."""
    space, filter_shape, pads, n, c, o = SETTINGS[name]
    rng, window = np.random.default_rng(seed), window_of(pads)
    x = rng.standard_normal((n, *space, c * LANES), np.float32)
    w = rng.standard_normal((*filter_shape, c * LANES, o * LANES), np.float32)
    out = out_space(space, filter_shape, window)
    dy = rng.standard_normal((n, *out, o * LANES), np.float32)
    return x, w, dy, window


def conv(x, w, window):
    return numba_winograd.outputs(x, w, window, None)


def adjoint_w(x, dy, w_shape, window):
    (dw,) = numba_winograd.weights(x, dy, w_shape, window, None)
    return dw


def flipped(x, w, seed=1):
    """Return a weight for each example."""
    rng, ones = np.random.default_rng(seed), [1] * (w.ndim - 2)
    r, s = (
        rng.choice(np.float32([-1, 1]), (len(x), *ones, size)) for size in w.shape[-2:]
    )
    return FlippedWeight(w, rng.standard_normal(w.shape, np.float32), r, s)


def assert_close(actual, function, *arrays, rest):
    """Rounding errors are a few epsilons of the largest sum of the factors' sizes."""
    exact = function(*(a.astype(np.float64) for a in arrays), *rest)
    size = function(*(np.abs(a).astype(np.float64) for a in arrays), *rest).max()
    assert actual.dtype == np.float32
    assert actual.shape == exact.shape
    assert np.max(np.abs(actual - exact)) < 2 * np.finfo(np.float32).eps * size


@pytest.mark.parametrize("name", SETTINGS)
def test_agrees_with_the_definition(name):
    x, w, dy, window = problem(name)
    assert numba_winograd.pays(x, w.shape, window)
    y, dw = (
        conv(x, w, window),
        adjoint_w(x, dy, w.shape, window),
    )
    assert_close(y, numpy_convolution.conv, x, w, rest=(window,))
    assert_close(dw, numpy_convolution.adjoint_w, x, dy, rest=(w.shape, window))


@pytest.mark.parametrize("name", SETTINGS)
def test_a_weight_for_each_example_agrees_with_the_definition(name):
    x, loc, dy, window = problem(name)
    w = flipped(x, loc)

    def outputs(x, loc, delta):
        signs = (a.astype(x.dtype) for a in (w.r, w.s))
        return numpy_convolution.flipped(x, FlippedWeight(loc, delta, *signs), window)

    def weights(x, dy, which):
        exact = FlippedWeight(*(a.astype(x.dtype) for a in w))
        return numpy_convolution.flipped_adjoint_w(x, dy, exact, window)[which]

    assert_close(
        numba_convolution.flipped(x, w, window), outputs, x, loc, w.delta, rest=()
    )
    grads = numba_convolution.flipped_adjoint_w(x, dy, w, window)
    for which, grad in enumerate(grads):
        assert_close(grad, weights, x, dy, rest=(which,))


@pytest.mark.parametrize("name", ["odd", "cut", "deep"])
def test_gradients_are_adjoints(name):
    x, w, dy, window = problem(name)
    y = np.vdot(conv(x, w, window).astype(np.float64), dy)
    dw = adjoint_w(x, dy, w.shape, window)
    dx = numba_convolution.adjoint_x(dy, w, x.shape, window)
    size = np.linalg.norm(y) + np.linalg.norm(dy) * np.linalg.norm(x)
    assert np.vdot(dw.astype(np.float64), w) == pytest.approx(y, abs=1e-5 * size)
    assert np.vdot(dx.astype(np.float64), x) == pytest.approx(y, abs=1e-5 * size)


def test_the_kernels_use_it():
    x, w, dy, window = problem("even")
    y, dw = (
        conv(x, w, window),
        adjoint_w(x, dy, w.shape, window),
    )
    np.testing.assert_array_equal(numba_convolution.conv(x, w, window), y)
    np.testing.assert_array_equal(
        numba_convolution.adjoint_w(x, dy, w.shape, window), dw
    )


def test_variances_are_of_the_definition_and_so_not_negative():
    x, w, _, window = problem("even")
    x[:, 8:] = 0
    x[:, 7] = 1e4
    _, variance = numba_convolution.moments(x, w, w * w, window)
    assert variance.min() >= 0
    assert variance[:, 9:].max() == 0


def test_numbers_do_not_depend_on_the_threads():
    x, w, dy, window = problem("solid")
    own, results = flipped(x, w), []
    for count in (1, 2):
        with threadpool_limits(count):
            results.append(
                (
                    conv(x, w, window),
                    adjoint_w(x, dy, w.shape, window),
                    numba_convolution.flipped(x, own, window),
                    *numba_convolution.flipped_adjoint_w(x, dy, own, window),
                )
            )
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_stays_in_its_tiles(value):
    x, w, _, window = problem("even")
    x[0, 16, 16, 0] = value
    y = conv(x, w, window)
    assert not np.isfinite(y[0, 15:18, 15:18]).any()
    spoiled = ~np.isfinite(y)
    spoiled[0, 14:18, 14:18] = False
    assert not spoiled.any()


@pytest.mark.parametrize(
    ("changes", "arrays"),
    [
        ({"strides": (1, 2)}, {}),
        ({"dilations": (2, 1)}, {}),
        ({}, {"dtype": np.float64}),
        ({}, {"n": 1, "space": (8, 8)}),
        ({}, {"c": LANES + 1}),
        ({}, {"o": LANES - 1}),
        ({}, {"filter_shape": (3, 5)}),
        ({}, {"space": (3, 320)}),
    ],
)
def test_other_convolutions_are_of_the_definition(changes, arrays):
    size = {
        "n": 64,
        "space": (16, 16),
        "filter_shape": (3, 3),
        "dtype": np.float32,
        "c": 2 * LANES,
        "o": 2 * LANES,
        **arrays,
    }
    x = np.zeros((size["n"], *size["space"], size["c"]), size["dtype"])
    w_shape = (*size["filter_shape"], size["c"], size["o"])
    pads = ((0, 0), (0, 0)) if size["space"][0] == 3 else ((1, 1), (1, 1))
    plain = window_of(pads)
    assert not numba_winograd.pays(x, w_shape, plain._replace(**changes))


def test_one_axis_is_of_the_definition():
    x = np.zeros((64, 512, 4 * LANES), np.float32)
    window = window_of(((1, 1),))
    assert not numba_winograd.pays(x, (3, 4 * LANES, 4 * LANES), window)
