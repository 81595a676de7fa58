"""What is NumPy's own in its convolutions: blocks, and the memory that they take.

The parity tests hold their numbers, where a block has every example.
"""

import tracemalloc

import numpy as np
import pytest
from support.convolutions import CONVOLUTIONS, arrays_of, signs_of

from varlayers.kernels import Kernels
from varlayers.types import FlippedWeight
from varlayers.windows import Window
from varlayers_backends import numpy_convolution, numpy_groups, numpy_patches
from varlayers_backends.numpy import NumpyKernels

GENERIC, K = Kernels(np), NumpyKernels()

ONE_GROUP = [name for name, case in CONVOLUTIONS.items() if case[2].groups == 1]


def results(of, prefix, x, w, dy, window):
    """Return the results of every convolution of a module or of kernels, flat."""
    signed = FlippedWeight(
        w, np.cos(w), *(signs_of(a, np.random.default_rng(1)) for a in (x, dy))
    )

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


@pytest.mark.parametrize("size", [1, 300, 2000, 20000])
@pytest.mark.parametrize("name", ONE_GROUP)
def test_blocks_of_any_size_make_the_same(name, size, monkeypatch):
    """From one position at a time to several examples, with a last block cut short."""
    monkeypatch.setattr(numpy_patches, "BLOCK", size)
    arguments = arrays_of(name, 5, np.random.default_rng(0))
    desired = results(GENERIC, "conv_", *arguments)
    actual = results(numpy_convolution, "", *arguments)
    for one, other in zip(actual, desired, strict=True):
        assert one.flags.c_contiguous
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-12)


@pytest.mark.parametrize("stride", [1, 2])
def test_memory_is_two_blocks_and_little_more(stride, monkeypatch):
    """Not the patches of the batch, which are 25 times the input."""
    monkeypatch.setattr(numpy_patches, "BLOCK", 1 << 18)
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
    [
        (("float32", "float64"), 1),
        (("float16", "float16"), 1),
        (("float32", "float64"), 2),
    ],
)
def test_other_arrays_go_to_the_generic_body(dtypes, groups, monkeypatch):
    monkeypatch.setattr(numpy_convolution, "blocks_of", None)
    monkeypatch.setattr(numpy_groups, "padded_of", None)
    x, w = np.ones((2, 5, 2), dtypes[0]), np.ones((3, 2 // groups, 2), dtypes[1])
    window = Window((1,), (1,), ((0, 0),), groups)
    y = K.conv(x, w, window)
    assert y.dtype == np.result_type(*dtypes)
    np.testing.assert_array_equal(y, np.full((2, 3, 2), 6 / groups))
    K.conv_adjoint_x(y.astype(x.dtype), w, x.shape, window)
    K.conv_adjoint_w(x, y.astype(w.dtype), w.shape, window)
