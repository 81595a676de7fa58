"""What no program can do is done by the function itself, each time."""

import itertools
import threading

import numpy as np
import pytest

pytest.importorskip("numba")

from support.replays import KERNELS, counted, is_replayed, replay_of

from varlayers.dispatch import kernels_for
from varlayers.random import Key, key, native
from varlayers_backends import numba_tape
from varlayers_backends.numba_replay import Replayed

X, Y = np.arange(6.0).reshape(2, 3), np.linspace(-1, 1, 6).reshape(2, 3)


class Opaque:
    """What neither is a tree nor a number."""

    def __init__(self, inner):
        self.inner = inner


class Named(tuple):
    """A tuple with a type of its own."""


COUNTER = itertools.count()
IMPURE = {
    "noise in the result": lambda x: x + kernels_for(x).xp.random.random(),
    "noise alone": lambda x: (x + 1, np.random.random(3)),  # noqa: NPY002
    "a counter in the result": lambda x: x * next(COUNTER),
    "a counter alone": lambda x: (x + 1, next(COUNTER)),
    "a counter chooses": lambda x: [x[0], x[1]][next(COUNTER) % 2] + 0,
    "a counter chooses a result": lambda x: (x[0], x[1])[next(COUNTER) % 2],
}


@pytest.mark.parametrize("function", IMPURE.values(), ids=list(IMPURE))
def test_impure_function_is_called_each_time(function):
    function, calls = counted(function)
    run, replay = replay_of(function)
    seen = []
    for at in range(3):
        before = len(calls)
        seen.append(run(X))
        assert len(calls) - before == (1 if at else 3)  # twice to trace
    assert not is_replayed(replay)
    assert len(set(map(repr, seen))) > 1


LOOKING = {
    "if": lambda x: x + 1 if x.sum() > 0 else x - 1,
    "if, in the namespace": lambda x: x + 1 if kernels_for(x).xp.sum(x) > 0 else x - 1,
    "float": lambda x: x * float(x[0, 0]),
    "int": lambda x: x * int(x[0, 0]),
    "range": lambda x: x + sum(range(kernels_for(x).xp.astype(x, int)[1, 1])),
    "NumPy's function": lambda x: np.tanh(x),
    "asarray": lambda x: np.asarray(x) + 1,
    "allclose": lambda x: x + 1 if kernels_for(x).xp.allclose(x, 0.0) else x,
    "array_equal": lambda x: x * kernels_for(x).xp.array_equal(x, x + x),
    "count_nonzero": lambda x: x * kernels_for(x).xp.count_nonzero(x > 0),
    "what is true": lambda x: x[x > 0.5] + 1,
    "a table": lambda x: x * {1.0: 3}.get(kernels_for(x).xp.sum(x), 2),
    "a list": lambda x: x * x.tolist()[0][0],
    "changed in place": lambda x: kernels_for(x).xp.asarray(x, copy=True).fill(2),
    "min": lambda x: x * min(x[0, 0], x[1, 1]),
    "numbers from iteration": lambda x: x * sum(float(v) for v in x[0]),
}


@pytest.mark.parametrize("function", LOOKING.values(), ids=list(LOOKING))
def test_function_that_looks_at_values_is_right(function):
    run, _ = replay_of(function)
    for x in (X, 0 * X, Y, 1 - Y):
        np.testing.assert_array_equal(run(x.copy()), function(x.copy()))


def test_nonzero_changes_its_shape_from_run_to_run():
    def function(x):
        return kernels_for(x).xp.nonzero(x)[0] + 1

    run, _ = replay_of(function)
    for x in (X, Y, np.zeros((2, 3)), X):
        np.testing.assert_array_equal(run(x), function(x))


UNSUPPORTED = {
    "bool": True,
    "text": "two",
    "scalar of NumPy": np.float32(2),
    "other byte order": np.arange(3, dtype=">i4"),
    "objects": np.array([1, "a"], object),
    "set": {1},
}


@pytest.mark.parametrize("leaf", UNSUPPORTED.values(), ids=list(UNSUPPORTED))
def test_other_leaves_go_to_the_function(leaf):
    function, calls = counted(lambda x, leaf: (x + 1, leaf))
    run, replay = replay_of(function)
    for at in (1, 2):
        value, same = run(X, leaf)
        np.testing.assert_array_equal(value, X + 1)
        assert same is leaf
        assert len(calls) == at
    assert not is_replayed(replay)


def test_generator_goes_to_the_function():
    def function(source, x):
        return x + kernels_for(x).normal(source, x.shape, x)

    run, _ = replay_of(function)
    source, other = (native(np.random.default_rng(3)) for _ in range(2))
    for _ in range(3):
        np.testing.assert_array_equal(run(source, X), function(other, X))


def test_unhashable_description_goes_to_the_function():
    run = Replayed(lambda static, x: x * static["factor"], KERNELS)
    for factor in (2, 3):
        np.testing.assert_array_equal(run({"factor": factor}, X), factor * X)


def fails(x, at):
    if x.shape[0] == at:
        msg = "Expected fewer rows."
        raise ValueError(msg)
    return kernels_for(x).xp.reshape(x, (at, -1))


def test_errors_come_out_unchanged():
    run = Replayed(lambda static, x: fails(x, static), KERNELS)
    for _ in range(2):
        with pytest.raises(ValueError, match=r"^Expected fewer rows\.$"):
            run(2, X)
        with pytest.raises(ValueError, match="cannot reshape array of size 6"):
            run(4, X)
    np.testing.assert_array_equal(run(3, X), X.reshape(3, 2))


@pytest.mark.parametrize("rows", [[0, 3], [-4, 0]])
def test_rows_that_are_not_there_are_an_error(rows):
    run, replay = replay_of(lambda x, i: kernels_for(x).xp.take(x, i, axis=0))
    x = np.arange(12.0).reshape(3, 4)
    for right in ([0, 2], [-1, -3]):
        np.testing.assert_array_equal(run(x, np.array(right)), x[right])
    assert is_replayed(replay)
    with pytest.raises(IndexError, match="out of bounds"):
        run(x, np.array(rows))


@pytest.mark.parametrize("axis", [2, -3, (0, 2), (1, 1)])
def test_wrong_axes_are_an_error(axis):
    run, _ = replay_of(lambda x: kernels_for(x).xp.sum(x, axis=axis))
    with pytest.raises(ValueError, match="axis"):
        run(X)


@pytest.mark.parametrize("number", [1 << 63, -(1 << 63) - 1, 1 << 80])
def test_number_that_no_program_can_hold_goes_to_the_function(number):
    run, _ = replay_of(lambda x, n: (x + 1, n))
    for n in (1, number, 2, number):
        value, same = run(X, n)
        np.testing.assert_array_equal(value, X + 1)
        assert same == n


def test_key_with_a_word_out_of_range_goes_to_the_function():
    run, _ = replay_of(lambda source, x: (source, x + 1))
    for source in (key(1), Key(-1, 0), Key(1 << 70, 0), key(2)):
        assert run(source, X)[0] == source


@pytest.mark.parametrize("kind", [Opaque, lambda x: Named((x, x))])
def test_result_of_another_kind_is_the_function_s(kind):
    run, replay = replay_of(lambda x: kind(x + 1))
    for x in (X, Y):
        made = run(x)
        inner = made.inner if isinstance(made, Opaque) else made[1]
        np.testing.assert_array_equal(inner, x + 1)
    assert not is_replayed(replay)


def test_second_thread_calls_the_function():
    entered, leave = threading.Event(), threading.Event()

    def waits(x):
        if threading.current_thread().name == "first" and run_once.is_set():
            entered.set()
            leave.wait(10)
        return x + 1

    run_once = threading.Event()
    kernels = _Waiting(waits)
    run, replay = replay_of(lambda x: kernels_for(x).relu(x) * 2, kernels)
    np.testing.assert_array_equal(run(X), 2 * (X + 1))
    run_once.set()
    results = []
    first = threading.Thread(target=lambda: results.append(run(Y)), name="first")
    first.start()
    assert entered.wait(10)
    np.testing.assert_array_equal(run(-X), 2 * np.maximum(-X, 0))  # the function itself
    leave.set()
    first.join(10)
    np.testing.assert_array_equal(results[0], 2 * (Y + 1))
    assert is_replayed(replay)


class _Waiting:
    """Kernels of which one is given."""

    def __init__(self, relu):
        self.relu = relu


def test_function_that_makes_much_is_called_as_it_is(monkeypatch):
    monkeypatch.setattr(numba_tape, "MOST", 10_000)
    function, calls = counted(lambda x: (x + 1) * 2 - x)
    run, replay = replay_of(function)
    for count in (2, 3):
        np.testing.assert_array_equal(run(np.ones(1000)), 3)
        assert len(calls) == count
    np.testing.assert_array_equal(run(np.ones(10)), 3)
    assert list(map(bool, replay._programs.values())) == [False, True]
