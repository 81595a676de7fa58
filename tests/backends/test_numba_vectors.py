"""Compiled loops work on vectors: one that fell back to single numbers is slow."""

import platform
import re

import numpy as np
import pytest

pytest.importorskip("numba")

from numba import njit

from varlayers_backends import numba_math, numba_passes, numba_random, numba_updates
from varlayers_backends.numba_threads import ALONE

X = np.ones(64, np.float32)
LOOPS = {
    "normal": (numba_random.normal, (1, 2, X)),
    "softplus": (numba_passes.softplus, (X, X, X, 0.0)),
    "add_kl_normal": (
        numba_passes.add_kl_normal,
        (*[X] * 5, np.ones(1), np.ones(1, np.float32), 0.0, 1.0, 0.1),
    ),
    "adam": (numba_updates.adam, (*[X] * 4, 0.1, 0.9, 0.99, 1e-8, 0.1, 1.0)),
}


@pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"), reason="reads code for x86"
)
@pytest.mark.parametrize("name", LOOPS)
def test_multiplications_are_of_vectors(name):
    """Without the cache, which keeps what an older source gave."""
    loop, arguments = LOOPS[name]
    compiled = njit(**numba_math._OPTIONS)(loop.compiled.py_func)
    compiled(ALONE, *(np.copy(a) if a is X else a for a in arguments))
    (code,) = compiled.inspect_asm().values()
    vectors = len(re.findall(r"v?(?:f?n?m(?:add|sub)\d*|mul)ps", code))
    numbers = len(re.findall(r"v?(?:f?n?m(?:add|sub)\d*|mul)ss", code))
    assert vectors > 0.4 * numbers
