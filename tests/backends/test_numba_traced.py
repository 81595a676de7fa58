"""Traced arrays: what they tell of themselves, and what they refuse."""

import numpy as np
import pytest

pytest.importorskip("numba")


from varlayers.dispatch import kernels_for
from varlayers_backends.numba_operations import argument
from varlayers_backends.numba_tape import Tape, Unknown
from varlayers_backends.numba_traced import (
    Traced,
    constant,
    is_constant,
    kind_of,
    part_of,
)
from varlayers_backends.tracing import tracing


def test_array_refuses_what_needs_its_values():
    with tracing(tape=Tape()):
        x = argument(np.ones(3))
        with pytest.raises(TypeError, match="cannot depend on the values"):
            bool(x)
        with pytest.raises(
            TypeError, match=r"cannot hand its arrays to NumPy\. Use k\.xp"
        ):
            np.tanh(np.asarray(x))
        with pytest.raises(TypeError, match="float"):
            float(x)
        with pytest.raises(TypeError, match="unhashable"):
            hash(x)


def test_array_describes_itself():
    with tracing(tape=Tape()):
        x = argument(np.ones((2, 3), np.float32))
        assert repr(x) == "Traced(shape=(2, 3), dtype=float32)"
        assert (x.ndim, x.size, len(x), x.device) == (2, 6, 2, "cpu")
        assert x.T.shape == x.mT.shape == (3, 2)
        assert x.__array_namespace__() is kernels_for(x).xp


def test_kind_of_a_number_is_its_type():
    with tracing(tape=Tape()):
        assert kind_of(argument(np.array(1.5), weak=True)) is float
        assert kind_of(argument(np.array(1), weak=True)) is int
        assert kind_of(3) is int
        assert kind_of(argument(np.array(1.5, np.float32))) == np.float32
        assert kind_of(np.float32(2)) == np.float32


def test_constants_are_counted_with_at_once():
    tape = Tape()
    with tracing(tape=tape):
        x = constant(np.arange(3)) + 1
        assert is_constant(x)
        assert x.value.tolist() == [1, 2, 3]
        assert not is_constant(argument(np.ones(3)) + x)
    assert [o.name for o in tape.operations] == ["add"]


def test_array_of_another_tape_is_refused():
    with tracing(tape=Tape()):
        stray = argument(np.ones(3))
    with tracing(tape=Tape()), pytest.raises(Unknown, match="saw made, got array"):
        part_of(stray)
    with tracing(tape=Tape()):
        assert part_of(Traced(np.ones(3), lasting=True)).base == 0
