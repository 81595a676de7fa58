"""What slabs see of an example: its entries, their squares, zeros around, or less."""

import numpy as np
import pytest

pytest.importorskip("numba")

from numba import njit

from varlayers.windows import Window
from varlayers_backends.numba_example import fill_slab
from varlayers_backends.numba_layout import slabs_of


@njit
def filled(g, x, example, start, depth, square, slab):
    fill_slab(g, x, example, start, depth, square, slab)


@pytest.mark.parametrize("square", [False, True])
@pytest.mark.parametrize(
    "pads", [((0, 0),) * 3, ((1, 2),) * 3, ((-1, 0), (4, 4), (-2, 3))]
)
def test_slab_is_a_part_of_the_padded_example(pads, square):
    x = np.random.default_rng(0).standard_normal((2, 6, 5, 7, 2))
    window = Window((2, 1, 3), (1, 2, 1), pads)
    g, _ = slabs_of(x, (3, 2, 2, 2, 4), window)
    wide = [(max(low, 0), max(high, 0)) for low, high in pads]
    cuts = [slice(max(-low, 0), None) for low, _ in pads]
    padded = np.pad(x[1][tuple(cuts)], (*wide, (0, 0)))
    slab = np.full(((g.out_d - 2) * 2 + 3) * g.long_h * g.long_w * g.c, np.nan)
    filled(g, x.reshape(-1), 1, 1, g.out_d - 1, square, slab)
    slab = slab.reshape(-1, g.long_h, g.long_w, g.c)
    seen = padded[2 : 2 + len(slab), : g.long_h, : g.long_w]
    np.testing.assert_array_equal(slab, seen**2 if square else seen)
