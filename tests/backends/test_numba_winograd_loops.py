"""The loops of Winograd's algorithm: memory that runs out, and what bands leave alone."""

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


@pytest.mark.parametrize("grain", [1, 4, 15])
def test_bands_of_any_height_give_the_same(grain):
    x, w, g, u, y = problem()
    failed = numba_winograd_loops.outputs(ALONE, 15, grain, g, x.reshape(-1), u, y)
    desired = numba_winograd.conv(x, w, WINDOW).reshape(-1)
    assert not failed
    np.testing.assert_allclose(y, desired, atol=1e-4)


def test_a_band_writes_its_outputs_only():
    x, _, g, u, y = problem()
    team = ALONE
    numba_winograd_loops.outputs(team, 3, 3, g, x.reshape(-1), u, y)
    rows = y.reshape(27, -1)
    assert not np.any(rows[:6] == 99)
    assert np.all(rows[6:] == 99)


def test_parts_add_up_to_the_gradient():
    x, w, g, _, _ = problem()
    dy = np.random.default_rng(1).standard_normal(x.shape, np.float32)
    sums = np.zeros((4, 16 * LANES * LANES), np.float32)
    numba_winograd_loops.weights(ALONE, 15, 4, g, x.reshape(-1), dy.reshape(-1), sums)
    dw = np.matmul(numba_winograd._GG.T, sums.sum(axis=0).reshape(16, -1))
    desired = numba_winograd.adjoint_w(x, dy, w.shape, WINDOW)
    np.testing.assert_allclose(dw.reshape(w.shape), desired, atol=1e-4)
    assert np.all(np.any(sums != 0, axis=1))
