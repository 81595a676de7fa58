"""What is NumPy's own in its max pooling: groups of examples, and the bits of dy.

The parity tests hold its numbers, where one group has every example.
"""

import numpy as np
import pytest
from support.poolings import POOLINGS, arrays_of

from varlayers.kernels import Kernels
from varlayers_backends import numpy_pooling
from varlayers_backends.numpy import NumpyKernels

GENERIC, K = Kernels(np), NumpyKernels()
NAMES = sorted(POOLINGS.keys() - {"more than a byte"})


@pytest.mark.parametrize("size", [1, 2000])
@pytest.mark.parametrize("name", NAMES)
def test_groups_of_any_size_make_the_same(name, size, monkeypatch):
    """From one example at a time to several, with a last group cut short."""
    monkeypatch.setattr(numpy_pooling, "BLOCK", size)
    x, dy, *pool = arrays_of(name, 5, np.random.default_rng(0), ties=True)
    y, index = numpy_pooling.max_pool(x, *pool)
    desired, chosen = GENERIC.max_pool(x, *pool)
    np.testing.assert_array_equal(y, desired)
    np.testing.assert_array_equal(index, chosen)
    dx = numpy_pooling.max_pool_backward(dy, index, x.shape, *pool)
    desired = GENERIC.max_pool_backward(dy, index, x.shape, *pool)
    np.testing.assert_allclose(dx, desired, rtol=0, atol=1e-12)


def test_groups_are_as_large_as_they_say(monkeypatch):
    monkeypatch.setattr(numpy_pooling, "BLOCK", 1000)
    groups = numpy_pooling._groups((7, 10, 5), 8)
    assert [(group.start, group.stop) for group in groups] == [
        *((0, 2), (2, 4), (4, 6), (6, 7)),
    ]
    assert len(numpy_pooling._groups((3, 1000), 8)) == 3
    assert numpy_pooling._groups((0, 10), 8) == []


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["overlapping", "halves, padded"])
def test_infinities_and_nans_choose_as_the_generic_body_does(name, dtype):
    x, dy, *pool = arrays_of(name, 3, np.random.default_rng(0), dtype)
    for offset, value in enumerate((np.nan, np.inf, -np.inf)):
        x.reshape(-1)[offset::11] = value
        if name != "overlapping":  # where infinities may meet
            dy.reshape(-1)[offset::13] = value
    actual, desired = (k.max_pool(x, *pool) for k in (K, GENERIC))
    for one, other in zip(actual, desired, strict=True):
        np.testing.assert_array_equal(one, other)
    back = (k.max_pool_backward(dy, actual[1], x.shape, *pool) for k in (K, GENERIC))
    np.testing.assert_allclose(*back, rtol=0, atol=16 * np.finfo(dtype).eps)


@pytest.mark.parametrize(
    ("dtype", "name"), [("float16", "halves"), ("float64", "more than a byte")]
)
def test_leaves_what_it_does_not_know_to_the_generic_body(dtype, name):
    x, dy, *pool = arrays_of(name, 2, np.random.default_rng(0), dtype)
    assert not numpy_pooling.knows(x, pool[0])
    (y, index), (expected, chosen) = K.max_pool(x, *pool), GENERIC.max_pool(x, *pool)
    assert y.dtype == dtype
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(index, chosen)
    np.testing.assert_array_equal(
        K.max_pool_backward(dy, index, x.shape, *pool),
        GENERIC.max_pool_backward(dy, index, x.shape, *pool),
    )
