"""Operators, elements, views and numbers of traced arrays, beside NumPy's."""

import operator

import numpy as np
import pytest

pytest.importorskip("numba")

from support.replays import check_replay, is_replayed, replay_of

from varlayers.dispatch import kernels_for
from varlayers_backends.numba_operations import (
    _OTHERS,
    _TWO_SIDED,
    argument,
)
from varlayers_backends.numba_tape import Tape
from varlayers_backends.tracing import tracing

VIEWS = {
    "transposed": lambda x: x.T,
    "sliced": lambda x: x[::2, 1:3],
    "backwards": lambda x: x[::-1, ::-2],
    "a row": lambda x: x[1],
    "an element": lambda x: x[1, 2],
    "a new axis": lambda x: x[:, None, :4],
    "reshaped": lambda x: kernels_for(x).xp.reshape(x, (2, -1)),
    "broadcast": lambda x: kernels_for(x).xp.broadcast_to(x[0], (3, 6)),
    "permuted": lambda x: kernels_for(x).xp.permute_dims(x[None], (2, 0, 1)),
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=list(VIEWS))
def test_pass_of_a_view(view):
    def function(x, y):
        return view(x) * 2.0 + view(y)

    first, second = (
        [k * np.arange(24.0).reshape(4, 6), np.ones((4, 6), np.float32) / k]
        for k in (1, 3)
    )
    check_replay(function, function, first, second)


@pytest.mark.parametrize(
    "name", sorted(VIEWS.keys() - {"an element"})
)  # NumPy copies that
def test_view_is_no_operation(name):
    tape = Tape()
    with tracing(tape=tape):
        x = argument(np.ones((4, 6)))
        assert VIEWS[name](x).shape == VIEWS[name](x.value).shape
    assert not tape.operations


@pytest.mark.parametrize("name", sorted(_TWO_SIDED.keys() - {"matmul"}))
def test_operator_with_a_number_on_either_side(name):
    integers = name in ("and", "or", "xor", "lshift", "rshift")
    number, dtype = (3, "int32") if integers else (1.5, "float32")
    way = {"and": "and_", "or": "or_"}.get(name, name)
    function = getattr(operator, way)
    first, second = ([np.arange(1, 7, dtype=dtype) * k] for k in (1, 2))
    for turned in (lambda x: function(x, number), lambda x: function(number, x)):
        run, replayed = replay_of(turned)
        for [x] in (first, second):
            actual = run(x)
            np.testing.assert_allclose(actual, turned(x), rtol=1e-6)
            assert actual.dtype == turned(x).dtype
        assert is_replayed(replayed)


def test_product_of_matrices_as_an_operator():
    first, second = ([np.eye(3) * k, np.arange(9.0).reshape(3, 3)] for k in (1, 2))
    check_replay(operator.matmul, operator.matmul, first, second)


@pytest.mark.parametrize("name", ["neg", "pos", "abs", "invert"])
def test_operator_of_one_array(name):
    assert name in _OTHERS
    function = getattr(operator, name)
    check_replay(function, function, *([np.arange(-2, 3) * k] for k in (1, 3)))


def test_number_takes_the_dtype_of_what_it_meets():
    def function(x, rate, count):
        return (1 - rate**count) * x / (count + 1)

    run, replayed = replay_of(function)
    for dtype in ("float32", "float64", "int32"):
        x = np.arange(5).astype(dtype)
        for numbers in ((0.5, 2), (0.25, 3)):
            actual, right = run(x, *numbers), function(x, *numbers)
            assert actual.dtype == right.dtype
            np.testing.assert_allclose(actual, right, rtol=1e-6)
    assert is_replayed(replayed)


@pytest.mark.parametrize("name", ["lt", "gt", "eq", "add", "mul"])
def test_number_too_large_for_the_dtype_is_numpy_s_affair(name):
    function = getattr(operator, name)
    run, _ = replay_of(function)
    x = np.arange(6, dtype=np.uint8)
    np.testing.assert_array_equal(run(x, 3), function(x, 3))
    if name in ("add", "mul"):
        with pytest.raises(OverflowError, match="300"):
            run(x, 300)
    else:
        np.testing.assert_array_equal(run(x, 300), function(x, 300))


def test_numbers_of_the_other_byte_order_are_right():
    x = np.arange(5, dtype=">i4")
    run, _ = replay_of(lambda x: x + 1)
    for factor in (1, 2):
        np.testing.assert_array_equal(run(factor * x), factor * x + 1)
