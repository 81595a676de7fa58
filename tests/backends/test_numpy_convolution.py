"""What is NumPy's own in its convolutions: blocks, and the memory that they take.

The parity tests hold their numbers, where a block has every example.
"""

import tracemalloc

import numpy as np
import pytest
from support.convolutions import CONVOLUTIONS, arrays_of

from varlayers.kernels import Kernels
from varlayers.windows import Window
from varlayers_backends import numpy_convolution
from varlayers_backends.numpy import NumpyKernels

GENERIC, K = Kernels(np), NumpyKernels()
METHODS = ("conv", "adjoint_x", "adjoint_w")


def results(module_or_kernels, names, x, w, dy, window):
    conv, adjoint_x, adjoint_w = (getattr(module_or_kernels, name) for name in names)
    return (
        conv(x, w, window),
        adjoint_x(dy, w, x.shape, window),
        adjoint_w(x, dy, w.shape, window),
    )


@pytest.mark.parametrize("size", [1, 300, 2000, 20000])
@pytest.mark.parametrize("name", sorted(CONVOLUTIONS.keys() - {"grouped", "depthwise"}))
def test_blocks_of_any_size_make_the_same(name, size, monkeypatch):
    """From one position at a time to several examples, with a last block cut short."""
    monkeypatch.setattr(numpy_convolution, "BLOCK", size)
    arguments = arrays_of(name, 5, np.random.default_rng(0))
    desired = results(GENERIC, ("conv", "conv_adjoint_x", "conv_adjoint_w"), *arguments)
    actual = results(numpy_convolution, METHODS, *arguments)
    for one, other in zip(actual, desired, strict=True):
        assert one.flags.c_contiguous
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-12)


def test_a_block_is_as_large_as_it_says(monkeypatch):
    monkeypatch.setattr(numpy_convolution, "BLOCK", 10_000)
    window = Window((1, 1), (1, 1), ((1, 1), (1, 1)))
    for count, space in ((7, (6, 5)), (3, (40, 9)), (2, (1, 1))):
        x = np.zeros((count, *space, 4))
        sizes = [p.nbytes for _, p in numpy_convolution._blocks(x, (3, 3), window)]
        assert max(sizes) <= 10_000
        assert len(sizes) == 1 or max(sizes) > 5_000
        assert sum(sizes) == 9 * x.nbytes


@pytest.mark.parametrize("stride", [1, 2])
def test_memory_is_two_blocks_and_little_more(stride, monkeypatch):
    """Not the patches of the batch, which are 25 times the input."""
    monkeypatch.setattr(numpy_convolution, "BLOCK", 1 << 18)
    x, w = np.ones((64, 32, 32, 8), np.float32), np.ones((5, 5, 8, 8), np.float32)
    window = Window((stride,) * 2, (1, 1), ((2, 2),) * 2)
    y = K.conv(x, w, window)
    more, copies = 2 * (1 << 18) + (1 << 16), 1 if stride == 1 else 2.3
    for call, allowed in (
        (lambda: K.conv(x, w, window), y.nbytes + more),
        (lambda: K.conv_adjoint_w(x, y, w.shape, window), more),
        (lambda: K.conv_adjoint_x(y, w, x.shape, window), copies * x.nbytes + more),
    ):
        tracemalloc.start()
        call()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak <= allowed


@pytest.mark.parametrize(
    ("dtypes", "groups"),
    [(("float32", "float64"), 1), (("float16", "float16"), 1), (("float64",) * 2, 2)],
)
def test_other_arrays_go_to_the_generic_body(dtypes, groups, monkeypatch):
    monkeypatch.setattr(numpy_convolution, "_blocks", None)
    x, w = np.ones((2, 5, 2), dtypes[0]), np.ones((3, 2 // groups, 2), dtypes[1])
    window = Window((1,), (1,), ((0, 0),), groups)
    y = K.conv(x, w, window)
    assert y.dtype == np.result_type(*dtypes)
    np.testing.assert_array_equal(y, np.full((2, 3, 2), 6 / groups))
    K.conv_adjoint_x(y.astype(x.dtype), w, x.shape, window)
    K.conv_adjoint_w(x, y.astype(w.dtype), w.shape, window)
