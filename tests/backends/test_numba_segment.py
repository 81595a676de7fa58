"""Compiled segments: loops called with all kinds of arguments, passes over all axes."""

import numpy as np
import pytest

pytest.importorskip("numba")

from varlayers_backends.numba_math import kernel
from varlayers_backends.numba_passes_code import _joined, _spread
from varlayers_backends.numba_segment import Segments
from varlayers_backends.numba_tape import Number, Pass, Tape, address_of
from varlayers_backends.tracing import tracing


@kernel
def combine(x, factor, count, turned, sizes, out, *rest):
    """Store what depends on each argument."""
    for i in range(x.shape[0]):
        value = x[i] * factor + count + sizes[0] * 10 + sizes[1] * 100
        out[i] = -value if turned else value + rest[0] + rest[1]


@kernel
def refuse(x, limit):
    """Return whether x begins above a limit; raise if it is negative."""
    if x[0] < 0:
        msg = "negative"
        raise ValueError(msg)
    return x[0] > limit


def run(tape):
    table = np.array([address_of(base.like) for base in tape.bases], np.int64)
    segments = Segments([tape.operations])  # the code lives as long
    return segments.runs[0](table.ctypes.data)


def number(tape, value, dtype):
    x = np.array(value, dtype)
    return Number(tape.add("number", x), x.item()), x


@pytest.mark.parametrize("turned", [True, False])
def test_loop_is_given_its_arguments(turned):
    tape, x = Tape(), np.arange(4.0)
    tape.add("argument", x)
    factor, f = number(tape, 0.1, float)
    count, c = number(tape, -3, np.int64)
    word, w = number(tape, 2**32 - 1, np.uint32)
    with tracing(loops=tape):
        out = tape.empty((4,), float)
        combine(x, factor, count, turned, (2, 3), out, word, 0.3)
    first = out.copy()
    assert run(tape) == 0
    np.testing.assert_array_equal(out, first)
    f[...], c[...], w[...], x[...] = 1 / 3, -7, 5, x[::-1].copy()
    assert run(tape) == 0
    value = x / 3 - 7 + 320
    np.testing.assert_allclose(out, -value if turned else value + 5.3, rtol=1e-14)


@pytest.mark.parametrize(("value", "status"), [(1.0, 0), (3.0, 1 << 32), (-1.0, 1)])
def test_run_tells_what_failed(value, status):
    tape, x = Tape(), np.ones(1)
    tape.add("argument", x)
    with tracing(loops=tape):
        refuse(x, 2.0)
        refuse(x, 4.0)
    x[...] = value
    assert run(tape) == status


def test_passes_and_loops_one_after_another():
    tape, x = Tape(), np.arange(6.0)
    x_part = tape.add("argument", x)
    doubled = tape.empty((6,), float)
    both = (x_part, x_part)
    add = Pass("add", both, tape.part(doubled), (x.dtype,) * 2)
    tape.operations.append(add)
    with tracing(loops=tape):
        out = tape.empty((6,), float)
        combine(doubled, 1.0, 0, True, (0, 0), out, 0, 0.0)
    last = tape.empty((3, 2), float)
    parts = tape.part(out.reshape(2, 3).T), tape.part(x.reshape(3, 2))
    multiply = Pass("multiply", parts, tape.part(last), (x.dtype,) * 2)
    tape.operations.append(multiply)
    x[...] = [3, 1, 4, 1, 5, 9]
    assert run(tape) == 0
    desired = (-2 * x).reshape(2, 3).T * x.reshape(3, 2)
    np.testing.assert_array_equal(last, desired)


@pytest.mark.parametrize(
    ("shape", "view"),
    [
        ((2, 3, 4), lambda x: x),
        ((2, 3, 4), lambda x: x.transpose(2, 0, 1)),
        ((2, 3, 4), lambda x: x[::-1, 1:, ::-2]),
        ((2, 3, 4), lambda x: np.broadcast_to(x[:, :1], (2, 5, 4))),
        ((2, 1, 4), lambda x: x),
        ((1,), lambda x: np.broadcast_to(x, (3, 7))),
        ((), lambda x: np.broadcast_to(x, (2, 2))),
        ((0, 3), lambda x: x),
        ((7, 1, 5, 3, 2), lambda x: x.swapaxes(1, 3)),
    ],
)
def test_copy_of_a_view(shape, view):
    tape, x = Tape(), np.arange(float(np.prod(shape))).reshape(shape)
    tape.add("argument", x)
    out = tape.copy(view(x))
    out[...] = -1
    assert run(tape) == 0
    np.testing.assert_array_equal(out, view(x))


@pytest.mark.parametrize(
    "dtype", ["?", "i1", "u2", "f2", "i4", "f4", "u8", "f8", "c8", "c16", "g"]
)
def test_copy_of_a_dtype(dtype):
    tape, x = Tape(), np.arange(5).astype(dtype)
    tape.add("argument", x)
    guarded = tape.empty((6,), dtype)
    guarded[...] = 0
    part = tape.part(guarded[:5])
    tape.operations.append(Pass("copy", (tape.part(x),), part, (x.dtype,)))
    assert run(tape) == 0
    np.testing.assert_array_equal(guarded, [*x, guarded.dtype.type(0)])


def test_axes_that_are_walked_as_one_are_joined():
    assert _joined((2, 3, 4), [[12, 4, 1], [12, 4, 1]]) == ([24], [[1], [1]])
    assert _joined((2, 3, 4), [[12, 4, 1], [0, 4, 1]]) == (
        [2, 12],
        [[12, 1], [0, 1]],
    )
    assert _joined((2, 1, 4), [[4, 9, 1], [4, 0, 1]]) == ([8], [[1], [1]])
    assert _joined((1, 1), [[3, 3]]) == ([], [[]])


def test_steps_of_what_is_broadcast():
    tape = Tape()
    part = tape.add("argument", np.zeros((3, 1, 4)))
    assert _spread(part, (2, 3, 5, 4)) == [0, 4, 0, 1]
