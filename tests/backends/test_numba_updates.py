"""Compiled updates; the parity tests hold them to the generic ones."""

import numpy as np
import pytest

pytest.importorskip("numba")

from varlayers_backends import numba_updates
from varlayers_backends.numba_threads import ALONE, team


def test_threads_update_as_one_does():
    rng = np.random.default_rng(0)
    arrays = rng.uniform(0.1, 1, (4, 50_001)).astype(np.float32)
    alone, shared = arrays.copy(), arrays.copy()
    numba_updates.adam(ALONE, *alone, 0.9, 0.999, 1e-8, 0.01, 1.0)
    numba_updates.adam(team(2), *shared, 0.9, 0.999, 1e-8, 0.01, 1.0)
    np.testing.assert_array_equal(shared, alone)
    assert (alone != arrays).any(axis=1).tolist() == [True, False, True, True]
