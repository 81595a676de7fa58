"""Compiled passes at their corners; the parity tests hold them to the generic ones."""

import math

import numpy as np
import pytest

pytest.importorskip("numba")

from varlayers_backends import numba_outputs
from varlayers_backends.numba_threads import ALONE

DTYPES = ("float32", "float64")


def test_local_noise_backward_without_variance_is_zero():
    s = np.array([0, 2], np.float32)
    out = np.empty_like(s)
    numba_outputs.local_noise_backward(ALONE, s, s + 1, s + 1, out)
    np.testing.assert_array_equal(out, [0, 2.25])


@pytest.mark.parametrize("dtype", DTYPES)
def test_log_softmax_of_infinite_logits(dtype):
    z = np.array([[0, -math.inf, -1e3], [math.nan, 0, 0]], dtype)
    out = np.empty_like(z)
    numba_outputs.log_softmax(ALONE, z, out)
    np.testing.assert_array_equal(out[0], [0, -math.inf, -1e3])
    assert np.isnan(out[1]).all()
