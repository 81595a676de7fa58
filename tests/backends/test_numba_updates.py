"""Compiled updates; the parity tests hold them to the generic ones."""

import numpy as np
import pytest

pytest.importorskip("numba")

from varlayers.kernels import Kernels
from varlayers_backends import numba_updates
from varlayers_backends.numba_threads import ALONE, team

ADAM = {"rate": 0.1, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "decay": 0.01}
NUMBERS = tuple(ADAM.values())


def test_threads_update_as_one_does():
    rng = np.random.default_rng(0)
    arrays = rng.uniform(0.1, 1, (4, 50_001)).astype(np.float32)
    alone, shared = arrays.copy(), arrays.copy()
    numba_updates.adam(ALONE, *alone, *NUMBERS, 1.0)
    numba_updates.adam(team(2), *shared, *NUMBERS, 1.0)
    np.testing.assert_array_equal(shared, alone)
    assert (alone != arrays).any(axis=1).tolist() == [True, False, True, True]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("start", [1.0, -1.0])
def test_a_first_moment_that_decays_ends_as_zero(dtype, start):
    """A number below the smallest normal one is slow, and moves no parameter."""
    tiny = np.finfo(dtype).tiny
    actual, grad = np.full((3, 40), 0.5, dtype), np.zeros(40, dtype)
    actual[1] *= 2 * start
    desired, decaying = actual.copy(), 0
    for step in range(1, 700):
        param, m, v = actual
        numba_updates.adam(ALONE, param, grad, m, v, 0.1, 0.3, 0.999, 1e-8, 0.01, step)
        options = {**ADAM, "beta1": 0.3, "step": step}
        new, m_new, v_new = Kernels(np).adam_(desired[0], grad, *desired[1:], **options)
        desired = np.stack([new, m_new, v_new]).astype(dtype)
        decaying += bool((m != 0).all())
        assert ((m == 0) | (abs(m) >= tiny)).all()
        np.testing.assert_allclose(m, desired[1], rtol=1e-5, atol=tiny)
        np.testing.assert_allclose(param, desired[0], rtol=1e-5, atol=tiny)
    assert 50 < decaying < 650
    assert (actual[1] == 0).all()
    assert np.isfinite(actual).all()


def test_a_moment_that_is_not_finite_stays():
    param, grad, m, v = np.ones((4, 3), np.float32)
    m[:] = np.nan, np.inf, -np.inf
    numba_updates.adam(ALONE, param, grad, m, v, *NUMBERS, 1.0)
    np.testing.assert_array_equal(m, [np.nan, np.inf, -np.inf])
