"""What Python may do with a number on a board, and what the host does then."""

import math

import numpy as np
import pytest
from support import fake_cupy
from support.host_kernels import needs_compiler

from varlayers_backends.tracing import tracing

fake_cupy.kernels_class()


@pytest.fixture
def make():
    """Return a function that makes a board."""
    needs_compiler()
    with fake_cupy.installed():
        from varlayers_backends.cupy_board import Board

        yield lambda: Board(fake_cupy.ndarray(np.zeros(1)))


@pytest.mark.parametrize(
    "look", [bool, int, float, complex, range, hash, lambda x: {}.get(x)]
)
def test_python_cannot_look_at_a_number(make, look):
    with pytest.raises(TypeError):
        look(make().argument(1))


COUNTED = {
    "two numbers": lambda _, x, y: x + y * x - y,
    "constants": lambda _, x, y: 2 - x / 3 + 5 // y - 7 % y,
    "powers": lambda _, x, y: 2**x + y**2,
    "signs": lambda _, x, y: -x + abs(-y) - +x,
    "functions": lambda xp, x, y: xp.cos(math.pi * x) + xp.expm1(y),
    "comparisons": lambda xp, x, y: xp.where(x < y, xp.minimum(x, 3), y >= 2),
    "dtypes": lambda xp, x, y: xp.astype(x, xp.float32) * y,
    "constants of NumPy": lambda xp, x, y: x * xp.pi + y,
}


@pytest.mark.parametrize("name", COUNTED)
def test_the_host_counts_again_what_python_counted(make, name):
    board, count = make(), COUNTED[name]
    x, y = board.argument(1), board.argument(2.0)
    with tracing(board=board):
        board.finish([count(x.__array_namespace__(), x, y)])
    for values in ((3, 0.5), (7, 9.0)):
        (made,) = board.write(list(values))
        assert type(made) in (int, float)
        assert made == count(np, *map(np.asarray, values))


def test_numbers_say_what_they_are(make):
    board = make()
    integer, real = board.argument(1), board.argument(1.5)
    assert (integer.dtype, integer.shape) == (np.int64, ())
    assert real.dtype == np.float64
    assert not integer.is_derived
    assert all(word.is_derived for word in board.child(1, 2, 3, 0))
