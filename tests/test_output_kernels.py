"""The passes over outputs against their formulas, generic and as overridden."""

import numpy as np
import pytest

from varlayers.dispatch import kernels_for
from varlayers.kernels import Kernels


@pytest.fixture(params=["generic", "own"])
def k(request, library):
    """The generic kernels on each library, and those that dispatch finds for it."""
    if request.param == "generic":
        return Kernels(library.xp)
    return kernels_for(library.asarray(0.0))


@pytest.mark.parametrize("shape", [(3,), (5, 3), (2, 4, 3), (0, 3)])
def test_channels(library, k, shape):
    rng = np.random.default_rng(0)
    y, b = rng.normal(size=shape), rng.normal(size=3)
    total = library.to_numpy(k.sum_channels(library.asarray(y)))
    added = library.to_numpy(k.add_channels_(library.asarray(y), library.asarray(b)))
    np.testing.assert_allclose(total, y.reshape(-1, 3).sum(axis=0), rtol=1e-12)
    np.testing.assert_allclose(added, y + b, rtol=1e-12)


def test_relu(library, k):
    x, dy = np.array([-2.0, 0.0, 3.0, np.nan]), np.array([5.0, 6.0, 7.0, 8.0])
    y = k.relu(library.asarray(x))
    dx = k.relu_backward(y, library.asarray(dy))
    np.testing.assert_array_equal(library.to_numpy(y), [0, 0, 3, np.nan])
    np.testing.assert_array_equal(library.to_numpy(dx), [0, 0, 7, 0])
