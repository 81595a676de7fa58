"""Where numbers stand on a board; `test_cupy_graphs` has what becomes of them."""

import math

import numpy as np
import pytest
from support import fake_cupy
from support.host_kernels import needs_compiler

from varlayers.random import Key, fold_in
from varlayers_backends.tracing import tracing

fake_cupy.kernels_class()
SINGLE, DOUBLE, WORD = map(np.dtype, ("float32", "float64", "uint32"))


@pytest.fixture
def make():
    """Return a function that makes a board."""
    needs_compiler()
    with fake_cupy.installed():
        from varlayers_backends.cupy_board import Board

        yield lambda: Board(fake_cupy.ndarray(np.zeros(1)))


def test_numbers_are_written_as_they_are_asked_for(make):
    board = make()
    x, n = board.argument(1.0), board.argument(1)
    single = board.place((x, n + 1), SINGLE)
    double = board.place((x * x,), DOUBLE)
    words = board.place((n, 7, n - 1), WORD)
    board.finish([n + 2, x])
    for value in (2.5, 1e-3):
        assert board.write([value, 40]) == [42, value]
        np.testing.assert_array_equal(single.get(), np.float32([value, 41]))
        assert double.get().item() == value * value
        assert words.get().tolist() == [40, 7, 39]


def test_lines_of_the_board_are_written_one_after_the_other(make):
    board = make()
    n = board.argument(0)
    placed = [board.place((n + i,), WORD) for i in range(1200)]
    board.finish([])
    board.write([5])
    assert [x.get().item() for x in placed] == [5 + i for i in range(1200)]


def test_numbers_stand_in_one_place_for_each_dtype(make):
    board = make()
    x = board.argument(1.0)
    one, other = (board.place((x,), SINGLE) for _ in range(2))
    assert one.data.ptr == other.data.ptr
    assert board.place((x,), DOUBLE).data.ptr != one.data.ptr
    assert board.place((x,), DOUBLE).data.ptr % 8 == 0


def test_children_are_those_of_the_key(make):
    board = make()
    key = Key(board.argument(1), board.argument(2))
    with tracing(board=board):
        child = fold_in(key, 3)
        placed = [
            board.place(tuple(each), WORD)
            for each in (child, fold_in(child, board.argument(4)))
        ]
    board.finish([])
    board.write([10, 2**32 - 1, 6])
    expected = fold_in(Key(10, 2**32 - 1), 3)
    assert placed[0].get().tolist() == [*expected]
    assert placed[1].get().tolist() == [*fold_in(expected, 6)]


def test_boards_of_one_function_are_the_same(make):
    def written(board, function):
        function(board, board.argument(1.0))
        return board

    one = written(make(), lambda board, x: board.place((x + 1,), SINGLE))
    assert one.same_as(written(make(), lambda board, x: board.place((x + 1,), SINGLE)))
    for function in (
        lambda board, x: board.place((x + 2,), SINGLE),
        lambda board, x: board.place((x - 1,), SINGLE),
        lambda board, x: board.place((x + 1,), DOUBLE),
        lambda board, x: board.place((x + 1, x), SINGLE),
        lambda board, x: board.child(x, 1, 2, 0),
    ):
        assert not one.same_as(written(make(), function))


@pytest.mark.parametrize("constant", [math.inf, -math.inf, math.nan, -3, 2.5])
def test_constants_stand_in_the_code(make, constant):
    board = make()
    x = board.argument(1.0)
    at = board.place((x * constant,), DOUBLE)
    board.finish([])
    board.write([2.0])
    np.testing.assert_array_equal(at.get(), [2.0 * constant])


def test_a_board_is_full_at_some_time(make):
    board = make()
    many = (board.argument(0),) * (1 << 14)
    board.place(many, WORD)
    with pytest.raises(ValueError, match="at most 16384 words"):
        board.place((1,), WORD)


def test_numbers_too_large_are_refused(make):
    board = make()
    board.place((board.argument(1),), WORD)
    board.finish([])
    for number in (-1, 1 << 32):
        with pytest.raises(OverflowError):
            board.write([number])


USES = {
    "counted with": lambda _, one, other: one + other,
    "turned round": lambda board, one, other: board.place((other, one), WORD),
    "as a float": lambda board, *words: board.place(words, SINGLE),
}


@pytest.mark.parametrize("use", USES)
def test_words_of_a_child_are_for_kernels_alone(make, use):
    board = make()
    with pytest.raises(TypeError, match="cannot depend on the values"):
        USES[use](board, *board.child(1, 2, 3, 0))
