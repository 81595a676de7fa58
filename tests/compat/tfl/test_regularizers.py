"""The penalty of an output and its gradient."""

import numpy as np
import pytest
from support.gradients import assert_directional

from varlayers.compat.tfl.regularizers import L1L2, regularizer_of
from varlayers.dispatch import kernels_for

Y = np.random.default_rng(0).normal(size=(4, 3)) + 0.1


def test_value_is_per_example(library):
    y = library.asarray(Y)
    value = library.to_numpy(L1L2(0.3, 0.2).value(kernels_for(y), y))
    expected = (0.3 * np.abs(Y).sum() + 0.2 * (Y**2).sum()) / 4
    np.testing.assert_allclose(value, expected, rtol=1e-12)


def test_gradient():
    penalty, k = L1L2(0.3, 0.2), kernels_for(Y)
    gradient = {"y": penalty.gradient(k, Y)}
    assert_directional(lambda p: penalty.value(k, p["y"]), {"y": Y}, gradient)


def test_empty_batch():
    assert L1L2(1.0, 1.0).value(kernels_for(Y), Y[:0]) == 0


def test_function_without_gradient_is_refused():
    assert regularizer_of("Layer", "penalty", None) is None
    with pytest.raises(TypeError, match=r"Layer expected `penalty` with its gradient"):
        regularizer_of("Layer", "penalty", abs)
