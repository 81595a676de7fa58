"""Programs: what memory they use, what they return, and what they are given."""

import numpy as np
import pytest

pytest.importorskip("numba")

from hypothesis import given, settings
from hypothesis import strategies as st
from support.replays import is_replayed, replay_of

from varlayers.dispatch import kernels_for
from varlayers_backends import numba_program, numba_threads
from varlayers_backends.numba_passes import GRAIN
from varlayers_backends.numba_program import _LINE, _SMALL, _lives, _packed
from varlayers_backends.numba_tape import Pass, Tape

SGD = {"rate": 0.5, "momentum": 0.9, "nesterov": False, "decay": 0.0}
BLOCKS = st.lists(
    st.tuples(st.integers(0, 300), st.integers(0, 9), st.integers(0, 9)), max_size=12
)


@settings(deadline=None, max_examples=200)
@given(BLOCKS)
def test_blocks_alive_at_the_same_time_do_not_overlap(numbers):
    blocks = {i: (n, min(ab), max(ab)) for i, (n, *ab) in enumerate(numbers)}
    places, size = _packed(blocks)
    assert places.keys() == blocks.keys()
    for i, (n, first, last) in blocks.items():
        assert places[i] % _LINE == 0
        assert 0 <= places[i] <= places[i] + n <= size
        for j, (m, begun, ended) in blocks.items():
            if i < j and n and m and begun <= last and first <= ended:
                assert places[i] + n <= places[j] or places[j] + m <= places[i]


def test_memory_is_used_again():
    places, size = _packed({0: (640, 0, 1), 1: (640, 1, 2), 2: (640, 2, 3)})
    assert places[0] == places[2] != places[1]
    assert size == 1280


def test_bases_live_from_the_first_operation_to_the_last():
    tape = Tape()
    x, y, z, _ = (tape.part(tape.empty((2,), float)) for _ in range(4))
    for one, other in ((x, y), (y, z), (z, z)):
        tape.operations.append(Pass("copy", (one,), other, (x.dtype,)))
    assert _lives(tape, set()) == {0: (0, 0), 1: (0, 1), 2: (1, 2)}
    assert _lives(tape, {0, 3}) == {0: (0, 3), 1: (0, 1), 2: (1, 2)}


def test_long_chain_is_right_in_memory_used_again():
    def function(x, y):
        for step in range(12):
            x, y = y * (step + 1.0), x - y
            x = x + kernels_for(x).xp.sum(y, axis=0)
        return x, y

    run, replay = replay_of(function)
    for seed in range(3):
        arrays = np.random.default_rng(seed).standard_normal((2, 9, 40))
        for one, other in zip(run(*arrays), function(*arrays), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-9)
    assert is_replayed(replay)


SIZES = (1, 8, _SMALL // 8, _SMALL // 8 + 1, 5000)


@pytest.mark.parametrize("size", SIZES)
def test_results_of_runs_share_no_memory(size):
    def function(x):
        k = kernels_for(x)
        y = x * 2
        return [y, y[::2], k.erf(x), k.xp.zeros(size), k.xp.sum(x), k.softplus(x)[0]]

    run, replay = replay_of(function)
    x = np.linspace(1, 2, size)
    runs = [run(x * factor) for factor in (1, 2, 3)]
    for factor, results in zip((1, 2, 3), runs, strict=True):
        for one, other in zip(results, function(x * factor), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-6)
    arrays = [
        (number, result)
        for number, results in enumerate(runs)
        for result in results
        if isinstance(result, np.ndarray)
    ]
    for i, (run_, one) in enumerate(arrays):
        assert one.flags.writeable
        assert not np.shares_memory(one, x)
        for other_run, other in arrays[:i]:
            assert run_ == other_run or not np.shares_memory(one, other)
    assert is_replayed(replay)


def test_constant_that_is_changed_by_the_caller_stays_what_it_is():
    run, _ = replay_of(lambda x: (x + 1, kernels_for(x).xp.arange(3)))
    for _ in range(3):
        result = run(np.ones(2))[1]
        assert result.tolist() == [0, 1, 2]
        result[...] = -1


def descend(p, g):
    v = kernels_for(p).xp.zeros_like(p)
    return kernels_for(p).sgd_(p, g, v, **SGD)[0]


def test_donated_argument_is_changed_and_returned():
    run, replay = replay_of(descend)
    g = np.arange(4.0)
    for _ in range(2):
        p = np.ones(4)
        result = run(p, g)
        np.testing.assert_array_equal(result, 1 - 0.5 * g)
        assert result is p
    assert g.tolist() == [0, 1, 2, 3]
    assert is_replayed(replay)


def test_donated_arguments_that_are_no_plain_memory_stay():
    run, replay = replay_of(descend)
    g, p = np.ones((2, 3)), np.arange(6.0).reshape(2, 3)
    readonly = p.copy()
    readonly.flags.writeable = False
    wide = np.zeros((2, 6))
    wide[:, ::2] = p
    for array in (np.array(p), readonly, wide[:, ::2], np.asfortranarray(p)) * 2:
        plain = array.flags.carray
        np.testing.assert_array_equal(run(array, g), p - 0.5)
        np.testing.assert_array_equal(array, p - 0.5 if plain else p)
        if plain:
            array[...] = p
    assert is_replayed(replay)


def test_donated_argument_that_becomes_read_only_stays():
    run, _ = replay_of(descend)
    p, g = np.ones(4), np.ones(4)
    run(p, g)
    p.flags.writeable = False
    np.testing.assert_array_equal(run(p, g), np.zeros(4))
    np.testing.assert_array_equal(p, 0.5 * np.ones(4))


def test_arguments_of_every_layout():
    def function(x, y):
        return x @ y + x

    run, replay = replay_of(function)
    x, y = np.random.default_rng(0).standard_normal((2, 5, 5))
    shifted = np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view(float).reshape(5, 5)
    assert not shifted.flags.aligned
    for array in (
        x,
        x.T,
        x[::-1],
        np.asfortranarray(x),
        shifted,
        np.broadcast_to(x[0], (5, 5)),
    ):
        for other in (y, y.T):
            np.testing.assert_allclose(
                run(array, other), function(array, other), rtol=1e-9
            )
    assert is_replayed(replay)


def test_argument_changed_between_runs_is_read_again():
    run, _ = replay_of(lambda x: x * 2)
    x = np.ones(3)
    for value in (1, 5, 7):
        x[...] = value
        assert run(x).tolist() == [2 * value] * 3


def test_array_given_twice():
    run, replay = replay_of(lambda x, y: (x - 2 * y, x * y))
    x, y = np.arange(3.0), np.ones(3)
    for one, other in ((x, x), (x, y), (y, y), (x, x[:])):
        np.testing.assert_array_equal(run(one, other)[0], one - 2 * other)
        np.testing.assert_array_equal(run(one, other)[1], one * other)
    assert is_replayed(replay)


def test_argument_is_not_kept_alive():
    import weakref

    run, _ = replay_of(lambda x: x * 2)
    x = np.ones(3)
    run(x)
    dead = weakref.ref(x)
    del x
    assert dead() is None
    assert run(np.arange(3.0)).tolist() == [0, 2, 4]


def test_error_in_a_run_leaves_the_program_usable():
    run, replay = replay_of(lambda x: kernels_for(x).xp.linalg.inv(x) * 2)
    x = np.eye(3)
    run(x)
    with pytest.raises(np.linalg.LinAlgError, match="Singular"):
        run(0 * x)
    np.testing.assert_array_equal(run(4 * x), x / 2)
    assert is_replayed(replay)


def test_other_number_of_threads_makes_another_program(monkeypatch):
    count = 2
    monkeypatch.setattr(numba_threads, "thread_count", lambda: count)
    monkeypatch.setattr(numba_threads, "_processors", lambda: 2)
    calls = []

    def function(x):
        calls.append(1)
        return kernels_for(x).softplus(x)[0]

    run, replay = replay_of(function)
    x = np.linspace(-3, 3, 4 * GRAIN, dtype=np.float32)
    desired = np.log1p(np.exp(x))
    for count, traces in ((2, 2), (2, 2), (1, 4), (1, 4)):  # noqa: B007
        np.testing.assert_allclose(run(x), desired, rtol=1e-5)
        assert len(calls) == traces
    assert is_replayed(replay)


def test_loop_without_memory_is_an_error(monkeypatch):
    run, _ = replay_of(lambda x: x + 1)
    run(np.ones(3))

    class Failing:
        def __init__(self, _):
            self.runs = [lambda _: 1 << 32]

    monkeypatch.setattr(numba_program, "Segments", Failing)
    with pytest.raises(MemoryError, match="memory for each of its threads"):
        run(np.ones(4))
