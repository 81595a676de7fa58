"""Layouts against what they say: matrices of blocks, channels filled up, slabs."""

import numpy as np
import pytest

pytest.importorskip("numba")

from varlayers.types import FlippedWeight
from varlayers.windows import Window
from varlayers_backends import numba_layout
from varlayers_backends.numba_layout import flat, packed, signs_of, slabs_of, wide_of

WINDOW = Window((1, 1), (1, 1), ((1, 1), (1, 1)))


def numbers(n, space, c, o):
    x = np.zeros((n, *space, c))
    return slabs_of(x, (3, 3, c, o), WINDOW)


@pytest.mark.parametrize("blocks", [0.5, 1, 1.5, 2.5])
def test_weight_is_packed_block_by_block(blocks):
    g, _ = numbers(1, (4, 4), 1, 1)
    o = round(blocks * 2 * g.lanes) - 1
    g, _ = numbers(1, (4, 4), 1, o)
    w = np.arange(9.0 * o).reshape(3, 3, 1, o) + 1
    of_w, start = packed(w, g), 0
    assert of_w.size == 9 * wide_of(g, 1)
    for first in range(0, o, g.block):
        width = min(g.block, wide_of(g, 1) - first)
        part = of_w[start : start + 9 * width].reshape(9, width)
        own = w.reshape(9, o)[:, first : first + width]
        np.testing.assert_array_equal(part[:, : own.shape[1]], own)
        assert not part[:, own.shape[1] :].any()
        start += 9 * width


def test_few_channels_out_are_packed_one_by_one():
    g, _ = numbers(1, (4, 4), 16, 1)
    assert (g.block, g.unit) == (1, g.lanes)
    w = np.arange(144.0).reshape(3, 3, 16, 1)
    np.testing.assert_array_equal(packed(w, g), w.reshape(-1))


def test_signs_are_filled_up():
    r, s = np.ones((2, 1, 3)), np.ones((2, 1, 2))
    of_r, of_s = signs_of(FlippedWeight(r, r, r, s), 4)
    assert of_r.tolist() == [1] * 6
    assert of_s.tolist() == [1, 1, 0, 0] * 2


@pytest.mark.parametrize("c", [3, 40])
def test_slabs_are_small_or_one_position(c, monkeypatch):
    monkeypatch.setattr(numba_layout, "SLAB", 16000)
    g, _ = numbers(50, (30, 10), c, 5)
    size = (g.depth + 2) * g.long_h * g.long_w * c * 8
    assert size <= 16000 or g.depth == 1
    assert g.slabs == -(-30 // g.depth)


def test_few_examples_make_enough_slabs_for_threads():
    g, _ = numbers(1, (32, 10), 3, 5)
    assert g.slabs == numba_layout.PIECES


def test_flat_is_a_view_where_it_can():
    x = np.zeros((2, 3))
    assert flat(x).base is x
    assert flat(x.T).flags.carray
    x.flags.writeable = False
    assert flat(x).flags.writeable
