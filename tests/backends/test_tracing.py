"""What is being written down is a matter of one thread, and of a while."""

import threading

import pytest

pytest.importorskip("numba")

from varlayers_backends import numpy_buffers
from varlayers_backends.numba_tape import Tape
from varlayers_backends.tracing import TRACING, tracing


def test_nothing_is_written_down_at_first():
    assert (TRACING.tape, TRACING.plain, TRACING.loops) == (None, None, None)


def test_tapes_are_set_for_a_while_and_nest():
    with tracing(tape=1, plain=2):
        with tracing(tape=3, loops=4):
            assert (TRACING.tape, TRACING.plain, TRACING.loops) == (3, 2, 4)
        assert (TRACING.tape, TRACING.plain, TRACING.loops) == (1, 2, None)
    test_nothing_is_written_down_at_first()


def test_tapes_are_put_back_after_an_error():
    with pytest.raises(ZeroDivisionError, match="zero"), tracing(tape=1):
        1 / 0  # noqa: B018
    test_nothing_is_written_down_at_first()


def test_other_threads_see_nothing():
    seen = []
    with tracing(tape=1, loops=2):
        other = threading.Thread(
            target=lambda: seen.append((TRACING.tape, TRACING.loops))
        )
        other.start()
        other.join()
    assert seen == [(None, None)]


def test_memory_comes_from_the_tape():
    tape = Tape()
    with tracing(loops=tape):
        x, y = numpy_buffers.empty((2,), "float32"), numpy_buffers.zeros((3,), "int64")
    assert tape.knows(x)
    assert y.tolist() == [0, 0, 0]
    assert [o.name for o in tape.operations] == ["copy"]
    assert not tape.knows(numpy_buffers.empty((2,), "float32"))
