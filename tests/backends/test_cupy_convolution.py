"""Blocks of any size make the same convolutions, on the host in a device's place.

The parity tests hold the numbers where one block has everything.
"""

import numpy as np
import pytest
from support import fake_cupy
from support.convolutions import CONVOLUTIONS, arrays_of, signs_of
from support.host_kernels import needs_compiler

from varlayers.kernels import Kernels
from varlayers.types import FlippedWeight

fake_cupy.kernels_class()
GENERIC = Kernels(np)
PLAIN = [
    name
    for name, (space, _, window, _) in CONVOLUTIONS.items()
    if window.groups == 1 and len(space) <= 3
]


@pytest.fixture(autouse=True)
def module():
    """`cupy_convolution`, with the stand-in for CuPy."""
    needs_compiler()
    with fake_cupy.installed():
        from varlayers_backends import cupy_convolution

        yield cupy_convolution


def results(of, prefix, x, w, dy, delta, r, s, window):
    """Return the results of every convolution of a module or of kernels, flat."""
    signed = FlippedWeight(w, delta, r, s)

    def call(name, *arguments):
        return getattr(of, prefix + name)(*arguments, window)

    return (
        of.conv(x, w, window),
        call("adjoint_x", dy, w, x.shape),
        call("adjoint_w", x, dy, w.shape),
        call("flipped", x, signed),
        call("flipped_adjoint_x", dy, signed, x.shape),
        *call("flipped_adjoint_w", x, dy, signed),
        *call("moments", x, w, delta),
        *call("moments_adjoint_w", x, (dy, 2 * dy), w.shape),
    )


@pytest.mark.parametrize(
    ("name", "size"),
    [*((name, 2000) for name in PLAIN), ("both", 1), ("one axis", 1)],
)
def test_blocks_of_any_size_make_the_same(module, name, size, monkeypatch):
    monkeypatch.setattr(module, "_BLOCK", size)
    rng = np.random.default_rng(0)
    x, w, dy, window = arrays_of(name, 3, rng)
    given = (x, w, dy, np.cos(w), signs_of(x, rng), signs_of(dy, rng))
    desired = results(GENERIC, "conv_", *given, window)
    actual = results(module, "", *map(fake_cupy.ndarray, given), window)
    for one, other in zip(actual, desired, strict=True):
        assert one.flags.c_contiguous
        np.testing.assert_allclose(one.get(), other, rtol=0, atol=1e-12)


def test_blocks_are_no_larger_than_they_may(module, monkeypatch):
    sizes = []

    def new(like, shape=None, dtype=None):
        sizes.append(np.prod(shape) * like.itemsize)
        return fake_cupy.empty(shape, dtype or like.dtype)

    monkeypatch.setattr(module, "new", new)
    monkeypatch.setattr(module, "_BLOCK", 4000)
    x, _, _, window = arrays_of("same", 50, np.random.default_rng(0))
    blocks = list(module._blocks(fake_cupy.ndarray(x), (3, 3), window))
    assert len(blocks) > 1
    assert max(sizes) <= 4000
    rows = [row for part, _ in blocks for row in range(part.start, part.stop)]
    assert rows == list(range(50 * 6 * 5))
