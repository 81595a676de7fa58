"""The loops of Winograd's algorithm: bands of any height, and what they leave."""

import numpy as np
import pytest

pytest.importorskip("numba")

from varlayers.windows import Window
from varlayers_backends import numba_winograd, numba_winograd_loops
from varlayers_backends.numba_threads import ALONE
from varlayers_backends.numba_tile import lanes_of

LANES = lanes_of(np.dtype(np.float32))
WINDOW = Window(strides=(1, 1), dilations=(1, 1), pads=((1, 1), (1, 1)), groups=1)


def problem():
    """Return x, the numbers of its tiles in bands of one row, U and room for y."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((3, 9, 6, LANES), np.float32)
    w = rng.standard_normal((3, 3, LANES, LANES), np.float32)
    g = numba_winograd._tiles(x, w.shape, WINDOW)._replace(down=1, bands=5)
    step = g.across * LANES + LANES
    g = g._replace(step_v=step, step_m=step)
    return x, w, g, numba_winograd._packed(w, g), np.full(x.size, 99.0, np.float32)


def run(x, u, y, g, bands, grain):
    none = np.empty(0, np.float32)
    arrays = x.reshape(-1), u, none, none, none, y
    return numba_winograd_loops.outputs(ALONE, bands, grain, g, *arrays)


@pytest.mark.parametrize("grain", [1, 4, 15])
def test_bands_of_any_height_give_the_same(grain):
    x, w, g, u, y = problem()
    failed = run(x, u, y, g, 15, grain)
    desired = numba_winograd.outputs(x, w, WINDOW, None).reshape(-1)
    assert not failed
    np.testing.assert_allclose(y, desired, atol=1e-4)


def test_a_band_writes_its_outputs_only():
    x, _, g, u, y = problem()
    run(x, u, y, g, 3, 3)
    rows = y.reshape(27, -1)
    assert not np.any(rows[:6] == 99)
    assert np.all(rows[6:] == 99)


def test_parts_add_up_to_the_gradient():
    x, w, g, _, _ = problem()
    dy = np.random.default_rng(1).standard_normal(x.shape, np.float32)
    sums, none = (
        np.zeros((1, 4, 16 * LANES * LANES), np.float32),
        np.empty(0, np.float32),
    )
    arrays = x.reshape(-1), dy.reshape(-1), none, none, sums
    numba_winograd_loops.weights(ALONE, 15, 4, g, *arrays)
    dw = np.matmul(numba_winograd._GG.T, sums.sum(axis=(0, 1)).reshape(16, -1))
    desired = numba_winograd.weights(x, dy, w.shape, WINDOW, None)[0]
    np.testing.assert_allclose(dw.reshape(w.shape), desired, atol=1e-4)
    assert np.all(np.any(sums[0] != 0, axis=1))
