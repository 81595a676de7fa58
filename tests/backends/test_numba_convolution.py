"""What is particular to compiled convolutions: slabs, what fills up, memory, threads.

The parity tests hold the numbers of small cases, and those of float32.
"""

import tracemalloc

import numpy as np
import pytest

pytest.importorskip("numba")

from support.convolutions import CONVOLUTIONS, arrays_of, signs_of

from varlayers.kernels import Kernels
from varlayers.types import FlippedWeight
from varlayers.windows import Window, out_space
from varlayers_backends import (
    numba_convolution,
    numba_layout,
    numba_threads,
    numpy_convolution,
)
from varlayers_backends.numba import NumbaKernels
from varlayers_backends.numba_tile import HEIGHT, lanes_of

GENERIC, K = Kernels(np), NumbaKernels()
KNOWN = [
    name
    for name, (space, _, window, _) in CONVOLUTIONS.items()
    if window.groups == 1 and len(space) <= 3
]


def results(of, prefix, x, w, dy, window):
    """Return the results of every convolution of a module or of kernels, flat."""
    rng = np.random.default_rng(1)
    signed = FlippedWeight(w, np.cos(w), *(signs_of(a, rng) for a in (x, dy)))

    def call(name, *arguments):
        return getattr(of, prefix + name)(*arguments, window)

    return (
        of.conv(x, w, window),
        call("adjoint_x", dy, w, x.shape),
        call("adjoint_w", x, dy, w.shape),
        call("flipped", x, signed),
        call("flipped_adjoint_x", dy, signed, x.shape),
        *call("flipped_adjoint_w", x, dy, signed),
        *call("moments", x, w, w * w),
        *call("moments_adjoint_w", x, (dy, np.sin(dy)), w.shape),
    )


def problem(n, space, filter_shape, c, o, dtype="float64"):
    """Return x, w, dy of a convolution that keeps the shape, and its window."""
    rng, rank = np.random.default_rng(0), len(space)
    pads = tuple(((size - 1) // 2, size // 2) for size in filter_shape)
    shapes = (n, *space, c), (*filter_shape, c, o), (n, *space, o)
    arrays = (rng.standard_normal(shape).astype(dtype) for shape in shapes)
    return *arrays, Window((1,) * rank, (1,) * rank, pads)


def assert_right(actual, desired, tolerance):
    for one, other in zip(actual, desired, strict=True):
        assert one.dtype == other.dtype
        assert one.flags.c_contiguous
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance)


@pytest.mark.parametrize("slab", [1, 500, 3000])
@pytest.mark.parametrize("name", KNOWN)
def test_slabs_and_pieces_of_any_size_make_the_same(name, slab, monkeypatch):
    monkeypatch.setattr(numba_layout, "SLAB", slab)
    monkeypatch.setattr(numba_convolution, "_LARGE", 0)
    arguments = arrays_of(name, 5, np.random.default_rng(0))
    desired = results(GENERIC, "conv_", *arguments)
    assert_right(results(numba_convolution, "", *arguments), desired, 1e-12)


LANES = lanes_of(np.dtype("float64"))


@pytest.mark.parametrize(
    "o", [1, LANES - 1, LANES, LANES + 1, 2 * LANES, 2 * LANES + 1]
)
@pytest.mark.parametrize(
    "c", [1, 2, HEIGHT // 3, HEIGHT // 3 + 1, 2 * HEIGHT // 3, 2 * HEIGHT // 3 + 1]
)
def test_channels_around_the_size_of_a_tile(c, o):
    arguments = problem(2, (3, 4), (2, 3), c, o)
    desired = results(GENERIC, "conv_", *arguments)
    assert_right(results(numba_convolution, "", *arguments), desired, 1e-12)


@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("o", [1, 2, 3])
@pytest.mark.parametrize("c", [LANES, 3 * LANES])
def test_few_channels_out_of_many(c, o, dilation):
    x, w, dy, window = problem(3, (5, 6), (3, 2), c, o)
    pads = ((dilation, dilation), (0, dilation))
    window = window._replace(dilations=(dilation,) * 2, pads=pads)
    desired = results(GENERIC, "conv_", x, w, dy, window)
    assert_right(results(numba_convolution, "", x, w, dy, window), desired, 1e-12)


@pytest.mark.parametrize("positions", range(1, 2 * HEIGHT + 3))
def test_positions_around_the_size_of_a_tile(positions):
    arguments = problem(2, (positions,), (3,), 2, LANES + 1)
    desired = results(GENERIC, "conv_", *arguments)
    assert_right(results(numba_convolution, "", *arguments), desired, 1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_large_problems_agree_with_numpy_s(dtype):
    arguments = problem(3, (20, 21), (3, 3), 20, 40, dtype)
    desired = results(numpy_convolution, "", *arguments)
    tolerance = 2e-3 if dtype == "float32" else 1e-11
    assert_right(results(numba_convolution, "", *arguments), desired, tolerance)


def test_results_do_not_depend_on_the_number_of_threads(monkeypatch):
    arguments = problem(5, (20, 21), (3, 3), 20, 40, "float32")
    once = []
    for count in (1, 2, 3):
        monkeypatch.setattr(numba_threads, "team_size", lambda count=count: count)
        once.append(results(numba_convolution, "", *arguments))
    for other in once[1:]:
        for one, same in zip(once[0], other, strict=True):
            np.testing.assert_array_equal(one, same)


def test_what_lies_outside_of_a_window_is_not_read():
    """NaN beside the entries that an output sees must not reach it."""
    x, w, _, window = problem(2, (9, 10), (3, 3), 3, 5)
    x[0, 4, 5] = np.nan
    np.testing.assert_array_equal(
        np.isnan(numba_convolution.conv(x, w, window)),
        np.isnan(GENERIC.conv(x, w, window)),
    )


def test_memory_beside_slabs_is_a_weight_for_each_piece(monkeypatch):
    """Not the patches of the batch, which are 25 times the input."""
    monkeypatch.setattr(numba_layout, "SLAB", 1 << 15)
    x, w, dy, window = problem(16, (64, 64), (5, 5), 8, 16, "float32")
    y, more = K.conv(x, w, window), 1 << 16
    weights = (numba_layout.PIECES + 2) * w.nbytes
    to_x = x.nbytes + 4 * w.nbytes
    for call, allowed in (
        (lambda: K.conv(x, w, window), y.nbytes + w.nbytes + more),
        (lambda: K.conv_adjoint_w(x, dy, w.shape, window), weights + more),
        (
            lambda: K.conv_adjoint_x(dy, w, x.shape, window),
            to_x + more,
        ),
    ):
        call()  # compiled
        assert min(peak_of(call) for _ in range(3)) <= allowed


def peak_of(call):
    """Return the most bytes held at a time; other threads may add theirs."""
    tracemalloc.start()
    call()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize(
    ("dtypes", "n", "space", "groups"),
    [
        (("float32", "float64"), 2, (5,), 1),
        (("float16", "float16"), 2, (5,), 1),
        (("float32", "float32"), 2, (5,), 2),
        (("float32", "float32"), 0, (5,), 1),
        (("float32", "float32"), 2, (3, 3, 3, 3), 1),
    ],
)
def test_other_convolutions_go_to_numpy_s_kernels(
    dtypes, n, space, groups, monkeypatch
):
    monkeypatch.setattr(numba_convolution, "slabs_of", None)
    rank = len(space)
    x = np.ones((n, *space, 2), dtypes[0])
    w = np.ones((*(2,) * rank, 2 // groups, 2), dtypes[1])
    window = Window((1,) * rank, (1,) * rank, ((0, 0),) * rank, groups)
    dy = np.ones((n, *out_space(space, w.shape[:-2], window), 2), dtypes[0])
    mixed = dy.astype(dtypes[1])
    of_x, of_dy = signs_of(x, np.random.default_rng(0)), np.ones_like(dy)
    signed = FlippedWeight(w, w, of_x, of_dy[(slice(None), *(slice(1),) * rank)])
    for method, arguments in (
        ("conv", (x, w)),
        ("conv_adjoint_x", (dy, w, x.shape)),
        ("conv_adjoint_w", (x, mixed, w.shape)),
        ("conv_flipped", (x, signed)),
        ("conv_flipped_adjoint_x", (dy, signed, x.shape)),
        ("conv_flipped_adjoint_w", (x, mixed, signed)),
        ("conv_moments", (x, w, w)),
        ("conv_moments_adjoint_w", (x, (mixed, mixed), w.shape)),
    ):
        actual, desired = (
            result if isinstance(result, tuple) else (result,)
            for result in (getattr(k, method)(*arguments, window) for k in (K, GENERIC))
        )
        for one, other in zip(actual, desired, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-3)
