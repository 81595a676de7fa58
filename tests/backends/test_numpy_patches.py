"""Blocks of patches: their size, and that together they are all patches."""

import numpy as np
import pytest

from varlayers.windows import Window
from varlayers_backends import numpy_patches

WINDOW = Window((1, 1), (1, 1), ((1, 1), (1, 1)))


def sizes_of(x, **options):
    """Return (examples, bytes) of every block."""
    return [
        (examples.stop - examples.start, patches.nbytes)
        for examples, parts in numpy_patches.blocks_of(x, (3, 3), WINDOW, **options)
        for _, patches in parts
    ]


@pytest.mark.parametrize(
    ("count", "space"), [(7, (6, 5)), (3, (40, 9)), (2, (1, 1)), (0, (3, 3))]
)
def test_a_block_is_as_large_as_it_says(count, space, monkeypatch):
    monkeypatch.setattr(numpy_patches, "BLOCK", 10_000)
    x = np.zeros((count, *space, 4))
    sizes = [size for _, size in sizes_of(x)]
    assert max(sizes, default=0) <= 10_000
    assert len(sizes) < 2 or max(sizes) > 5_000
    assert sum(sizes) == 9 * x.nbytes


def test_a_group_has_no_more_examples_than_its_extra_bytes_allow(monkeypatch):
    monkeypatch.setattr(numpy_patches, "BLOCK", 100_000)
    x = np.zeros((8, 6, 5, 4))
    assert {count for count, _ in sizes_of(x)} == {8}
    assert {count for count, _ in sizes_of(x, extra=30_000)} == {3, 2}
    assert {count for count, _ in sizes_of(x, extra=1 << 30)} == {1}


def test_patches_are_what_each_output_sees():
    x = np.arange(10.0).reshape(1, 5, 2)
    window = Window((2,), (1,), ((1, 0),))
    ((_, parts),) = numpy_patches.blocks_of(x, (2,), window)
    ((rows, patches),) = parts
    assert rows == slice(0, 3)
    np.testing.assert_array_equal(patches, [[0, 0, 0, 1], [2, 3, 4, 5], [6, 7, 8, 9]])
