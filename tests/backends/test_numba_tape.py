"""Tapes: where arrays lie, what is recorded, and when two say the same."""

from typing import NamedTuple

import numpy as np
import pytest

pytest.importorskip("numba")

from varlayers_backends import numba_passes
from varlayers_backends.numba_tape import (
    Call,
    Loop,
    Number,
    Pass,
    Tape,
    Unknown,
    alike,
    mapped,
    parts_of,
)
from varlayers_backends.numba_threads import ALONE
from varlayers_backends.tracing import tracing


class Pair(NamedTuple):
    one: object
    other: object


def test_part_tells_where_a_view_lies():
    tape, x = Tape(), np.zeros((4, 6))
    tape.add("other", np.zeros(2))
    whole = tape.add("argument", x)
    assert whole == (1, 0, (4, 6), (48, 8), x.dtype)
    assert whole.is_all_of(x)
    part = tape.part(x[1:, ::-2].T)
    assert part == (1, 48 + 40, (3, 3), (-16, 48), x.dtype)
    again = np.ndarray(part.shape, part.dtype, x, part.offset, part.strides)
    assert np.shares_memory(again, x)
    for view in (x.T, x[:3], x[:, 1:], x.view(np.int64), x[1:]):
        assert not tape.part(view).is_all_of(x)


def test_memory_that_is_no_base_is_unknown():
    tape, x = Tape(), np.arange(3.0)
    tape.add("argument", x)
    assert tape.knows(x[1:])
    assert not tape.knows(x.copy())
    with pytest.raises(Unknown, match=r"saw made, got array\(\[0"):
        tape.part(x.copy())


def test_operations_tell_what_they_touch():
    tape = Tape()
    x = tape.add("argument", np.zeros(3))
    y, z = (tape.part(tape.empty((3,), float)) for _ in range(2))
    assert parts_of(Pass("add", (x, y), z, (x.dtype,) * 2)) == [x, y, z]
    assert parts_of(Loop(None, (1, Number(x, 0), (y, 2)))) == [x, y]
    call = Call(print, ([x],), {"end": Number(y, 1)}, (None, z))
    assert parts_of(call) == [x, y, z]


def test_mapped_keeps_trees_as_they_are():
    tree = {"a": [1, (2.0, None)], "b": Pair("c", 3)}
    desired = {"a": [2, (2.0, None)], "b": Pair("c", 4)}
    actual = mapped(tree, int, lambda x: x + 1)
    assert actual == desired
    assert type(actual["b"]) is Pair


def test_loop_is_run_and_recorded():
    tape, x = Tape(), np.arange(4.0)
    tape.add("argument", x)
    with tracing(loops=tape):
        out = tape.empty((4,), float)
        numba_passes.multiply(ALONE, x, x, out)
    assert out.tolist() == [0, 1, 4, 9]
    [loop] = tape.operations
    assert loop.compiled is numba_passes.multiply.compiled
    assert loop.arguments[0] is ALONE
    assert loop.arguments[1:] == (tape.part(x), tape.part(x), tape.part(out))


def test_loop_with_unknown_memory_is_not_run():
    tape, x = Tape(), np.arange(4.0)
    with tracing(loops=tape):
        out = tape.empty((4,), float)
        out[...] = -1
        with pytest.raises(Unknown, match="saw made"):
            numba_passes.multiply(ALONE, x, x, out)
    assert out.tolist() == [-1] * 4
    assert not tape.operations


def test_copies_and_zeros_are_made_anew_in_every_run():
    tape, x = Tape(), np.arange(4.0)
    tape.add("argument", x)
    assert tape.copy(x[::2]).tolist() == [0, 2]
    assert tape.zeros((2, 2), np.int32).tolist() == [[0, 0], [0, 0]]
    assert [o.name for o in tape.operations] == ["copy", "copy"]
    assert [b.kind for b in tape.bases] == ["argument", "made", "constant", "made"]


def taped(value=1.0, name="add", fixed=2, number=0, more=False, kind="constant"):
    tape = Tape()
    x = tape.add("argument", np.array([value]))
    y = tape.add(kind, np.array([value]))
    tape.operations.append(Pass(name, (x, y), x, (x.dtype,) * 2))
    given = {"axis": fixed, "array": np.arange(fixed)}
    number = Number((x, y)[number], 5.0)
    tape.operations.append(Call(print, (number, [x]), given, (y, None)))
    if more:
        tape.empty((1,), float)
    return tape


def test_tapes_alike():
    assert alike(taped(), taped())
    one, other = taped(kind="argument"), taped(2.0, kind="argument")
    assert alike(one, other)  # arguments may differ


@pytest.mark.parametrize(
    "other",
    [
        {"value": 2.0},
        {"name": "subtract"},
        {"fixed": 3},
        {"fixed": 2.0},
        {"number": 1},
        {"more": True},
        {"kind": "made"},
    ],
)
def test_tapes_not_alike(other):
    assert not alike(taped(), taped(**other))
