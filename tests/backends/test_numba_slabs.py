"""Compiled loops over slabs; the tests of the convolutions hold most of them."""

import numpy as np
import pytest

pytest.importorskip("numba")

from varlayers.windows import Window
from varlayers_backends.numba_layout import slabs_of
from varlayers_backends.numba_slabs import weights
from varlayers_backends.numba_threads import ALONE


def test_gradients_are_added():
    x, dy = np.ones((1, 4, 1)), np.ones((1, 3, 1))
    g, runs = slabs_of(x, (2, 1, 1), Window((1,), (1,), ((0, 0),)))
    none, sums = np.empty(0), np.full((1, 1, 2 * g.lanes), 10.0)
    arguments = (g, x.reshape(-1), False, runs, np.zeros(1, int), dy.reshape(-1))
    for _ in range(2):
        assert not weights(ALONE, 1, 1, *arguments, none, none, sums)
    assert sums[0, 0, :: g.lanes].tolist() == [16, 16]
