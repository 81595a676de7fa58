"""Compiled max pooling; the parity tests hold it to the generic one in every window."""

import numpy as np
import pytest

pytest.importorskip("numba")

from varlayers.windows import Window
from varlayers_backends import numba_pooling, numba_threads

WINDOW = Window((2, 2), (1, 1), ((0, 0), (0, 0)))


def test_threads_choose_what_one_chooses(monkeypatch):
    rng, results = np.random.default_rng(0), []
    x = rng.standard_normal((7, 20, 22, 33)).astype(np.float32)
    dy = rng.standard_normal((7, 10, 11, 33)).astype(np.float32)
    for count in (1, 2, 3):
        monkeypatch.setattr(numba_threads, "team_size", lambda count=count: count)
        y, index = numba_pooling.max_pool(x, (2, 2), WINDOW)
        dx = numba_pooling.max_pool_backward(dy, index, x.shape, (2, 2), WINDOW)
        results.append((y, index, dx))
    for other in results[1:]:
        for one, same in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(one, same)


@pytest.mark.parametrize("where", range(4))
def test_a_nan_comes_out(where):
    x = np.zeros((1, 2, 2, 1))
    x.reshape(-1)[where] = np.nan
    assert np.isnan(numba_pooling.max_pool(x, (2, 2), WINDOW)[0]).all()


@pytest.mark.parametrize(
    ("dtype", "space", "filter_shape"),
    [("float16", (4,), (2,)), ("float32", (20, 20), (17, 16)), ("float64", (0,), (2,))],
)
def test_what_the_loops_are_not_for(dtype, space, filter_shape):
    x = np.zeros((2, *space, 3), dtype)
    assert not numba_pooling.knows(x, filter_shape)
