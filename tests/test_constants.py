import copy
import pickle

import numpy as np
import pytest
from support.libraries import make_library

from varlayers.constants import Constant, constant
from varlayers.dispatch import kernels_for


def test_a_number_stays_a_number():
    for value in (2, 2.0, np.float32(2), np.array(2.0)):
        assert constant(value) == 2.0
        assert type(constant(value)) is float


@pytest.mark.parametrize("name", ["numpy", "strict", "torch", "jax"])
def test_takes_arrays_of_any_library(name):
    data = make_library(name).asarray([1.0, 2.0], "float32")
    assert constant(data) == Constant([1, 2])
    assert constant(data[0]) == 1.0


def test_compares_and_hashes_by_content():
    one, same = Constant([0.0, 2]), Constant(np.array([-0.0, 2], np.float32))
    assert one == same
    assert hash(one) == hash(same)
    assert one != Constant([0.0, 3])
    assert one != Constant([[0.0, 2]])
    assert one != [0.0, 2]
    assert constant(one) is one


def test_is_a_read_only_copy():
    data = np.ones(2)
    wrapped = Constant(data)
    data[0] = 5
    assert wrapped == Constant([1, 1])
    with pytest.raises(ValueError, match="read-only"):
        wrapped.array[0] = 5


def test_pickles_and_copies_by_content():
    wrapped = Constant([1.0, 2.0])
    for again in (pickle.loads(pickle.dumps(wrapped)), copy.deepcopy(wrapped)):
        assert again == wrapped


def test_prints_shape_and_range():
    assert repr(Constant([[1.0], [20.0]])) == "Constant(shape=(2, 1), 1 to 20)"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_is_placed_like_another_array(library, dtype):
    like = library.asarray([0.0], dtype)
    wrapped = Constant([0.5, 2.0])
    placed = wrapped.like(kernels_for(like), like)
    assert (type(placed), placed.dtype) == (type(like), like.dtype)
    assert str(kernels_for(like).device(placed)) == str(kernels_for(like).device(like))
    np.testing.assert_array_equal(library.to_numpy(placed), [0.5, 2.0])
    assert wrapped.like(kernels_for(like), like) is placed


def test_outlives_a_trace():
    """What one traced function placed is of use to the next, and outside."""
    library = make_library("jax")
    import jax

    wrapped, x = Constant([1.0, 2.0]), library.asarray([0.0, 0.0])
    for factor in (1, 2):
        times = jax.jit(lambda x, f=factor: x + f * wrapped.like(kernels_for(x), x))
        np.testing.assert_array_equal(times(x), [factor, 2 * factor])
    np.testing.assert_array_equal(wrapped.like(kernels_for(x), x), [1, 2])
