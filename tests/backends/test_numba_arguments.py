"""What a compiled kernel can take."""

import numpy as np
import pytest

pytest.importorskip("numba")

from varlayers_backends import numba_threads
from varlayers_backends.numba_arguments import (
    FEW,
    alike,
    are_rows,
    few,
    float_of,
    plain,
    team_for,
    word_of,
)
from varlayers_backends.numba_tape import Number, Part, Tape
from varlayers_backends.tracing import tracing

X = np.ones((3, 4), np.float32)
NUMBER = Number(Part(0, 0, (), (), np.dtype(np.float64)), 2.0)


class Mine(np.ndarray):
    """An array type that another package defines."""


@pytest.mark.parametrize(
    "other",
    [X.astype(np.float64), X[:2], X.astype(np.int32), X.view(Mine), np.float32(1)],
)
def test_other_arrays_are_not_alike(other):
    assert alike(X, 2 * X)
    assert not alike(X, other)
    assert not alike(other, X)


def test_rows_have_a_channel_each():
    assert are_rows(X, X[0])
    assert not are_rows(X, X[:, 0])
    assert not are_rows(X[0, 0], X[0])
    assert not are_rows(X, X[0].astype(np.float64))


def test_few_elements_are_for_numpy_but_not_on_a_tape():
    assert few(np.ones(FEW - 1))
    assert not few(np.ones(FEW))
    with tracing(loops=Tape()):
        assert not few(np.ones(1))


def test_plain_arrays_are_not_copied():
    assert plain(X) is X
    strided = X[:, ::2]
    assert plain(strided).flags.carray
    np.testing.assert_array_equal(plain(strided), strided)


def test_small_loops_are_for_the_caller_alone():
    assert team_for(1) is numba_threads.ALONE


def test_numbers_that_are_traced_stay_so():
    assert float_of(NUMBER) is word_of(NUMBER) is NUMBER
    assert type(float_of(3)) is float
    assert type(word_of(np.uint32(3))) is int
