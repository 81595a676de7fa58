"""Blocks of divided convolutions; the parity tests hold their numbers in one block."""

import tracemalloc

import numpy as np
import pytest
from support.convolutions import CONVOLUTIONS, arrays_of

from varlayers.kernels import Kernels
from varlayers.windows import Window
from varlayers_backends import numpy_groups

GENERIC = Kernels(np)
GROUPED = [name for name, case in CONVOLUTIONS.items() if case[2].groups > 1]


@pytest.mark.parametrize("size", [1, 1000, 100_000])
@pytest.mark.parametrize("name", GROUPED)
def test_blocks_of_any_size_make_the_same(name, size, monkeypatch):
    monkeypatch.setattr(numpy_groups, "_BLOCK", size)
    x, w, dy, window = arrays_of(name, 5, np.random.default_rng(0))
    for actual, desired in (
        (numpy_groups.conv(x, w, window), GENERIC.conv(x, w, window)),
        (
            numpy_groups.adjoint_x(dy, w, x.shape, window),
            GENERIC.conv_adjoint_x(dy, w, x.shape, window),
        ),
        (
            numpy_groups.adjoint_w(x, dy, w.shape, window),
            GENERIC.conv_adjoint_w(x, dy, w.shape, window),
        ),
    ):
        np.testing.assert_allclose(actual, desired, rtol=0, atol=1e-12)


def test_memory_of_a_depthwise_convolution_is_a_few_blocks(monkeypatch):
    monkeypatch.setattr(numpy_groups, "_BLOCK", 1 << 17)
    x, w = np.ones((64, 32, 32, 8), np.float32), np.ones((5, 5, 1, 8), np.float32)
    window = Window((1, 1), (1, 1), ((2, 2), (2, 2)), 8)
    for call, result in (
        (lambda: numpy_groups.conv(x, w, window), x.nbytes),
        (lambda: numpy_groups.adjoint_x(x, w, x.shape, window), x.nbytes),
        (lambda: numpy_groups.adjoint_w(x, x, w.shape, window), w.nbytes),
    ):
        tracemalloc.start()
        call()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak <= result + 5 * (1 << 17)


def test_memory_of_few_small_examples_is_small():
    """Not that of as many as would fill a block."""
    for n in (0, 1):
        x, w = np.ones((n, 9, 8), np.float32), np.ones((3, 1, 8), np.float32)
        window = Window((1,), (1,), ((1, 1),), 8)
        tracemalloc.start()
        numpy_groups.conv(x, w, window)
        numpy_groups.adjoint_w(x, x, w.shape, window)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 1 << 14
