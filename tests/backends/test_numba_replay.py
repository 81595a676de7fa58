"""When a program stands in for a function, and when the function is called itself."""

import gc
import weakref
from typing import NamedTuple

import numpy as np
import pytest

pytest.importorskip("numba")

from support.replays import KERNELS, counted, is_replayed, replay_of

from varlayers.constants import Constant
from varlayers.dispatch import kernels_for
from varlayers.random import Key, fold_in, key
from varlayers_backends import numba_replay
from varlayers_backends.numba_replay import KEPT, Replayed, replayed
from varlayers_backends.numba_threads import ALONE

X, Y = np.arange(6.0).reshape(2, 3), np.linspace(-1, 1, 6).reshape(2, 3)


class Pair(NamedTuple):
    one: object
    other: object


def test_function_is_traced_twice_and_never_called_again():
    function, calls = counted(lambda x, y: x * y + 1)
    run, replay = replay_of(function)
    for factor in (1, 2, 3):
        np.testing.assert_array_equal(run(factor * X, Y), factor * X * Y + 1)
    assert len(calls) == 2
    assert is_replayed(replay)


def test_a_call_is_given_the_words_of_a_child():
    like = np.zeros(3, np.float16)  # drawn by a call, not by a loop

    def function(k, x):
        return x + kernels_for(x).normal(fold_in(k, 1), (3,), x)

    run, replay = replay_of(function)
    for seed in (1, 2):
        expected = KERNELS.normal(fold_in(key(seed), 1), (3,), like)
        np.testing.assert_array_equal(run(key(seed), like), expected)
    assert is_replayed(replay)


def test_descriptions_have_programs_of_their_own():
    run = Replayed(lambda static, x: x * static, KERNELS)
    for factor in (2.0, 3.0, 2.0):
        np.testing.assert_array_equal(run(factor, X), factor * X)
    assert len(run._programs) == 2


KINDS = {
    "shape": (X[:1],),
    "dtype": (X.astype(np.float32),),
    "structure": ([X, X],),
    "nesting": ((X, X),),
    "names": ({"a": X, "b": Y},),
    "fewer names": ({"a": X},),
    "other names": ({"a": X, "c": Y},),
    "other order": ({"b": X, "a": Y},),
    "a number": ({"a": 1.0},),
    "an integer": ({"a": 1},),
    "nothing": ({"a": None},),
    "named": (Pair(X, Y),),
    "a key": (key(3),),
}


def total(tree):
    """Return a sum in which every leaf has a weight of its own."""
    if tree is None:
        return 0.0
    if isinstance(tree, dict):
        return sum(ord(k) * total(v) for k, v in tree.items())
    if isinstance(tree, tuple | list):
        return sum((3**i) * total(v) for i, v in enumerate(tree))
    return tree if isinstance(tree, int | float) else kernels_for(tree).xp.sum(tree)


def test_other_kinds_of_arguments_make_other_programs():
    run, replay = replay_of(total)
    for _ in range(2):
        for arguments in KINDS.values():
            np.testing.assert_allclose(float(run(*arguments)), float(total(*arguments)))
    assert len(replay._programs) == len(KINDS)
    assert is_replayed(replay)


def test_missing_key_after_a_run_is_another_kind():
    run, _ = replay_of(total)
    assert run({"a": X, "b": Y}) == pytest.approx(97 * X.sum() + 98 * Y.sum())
    assert run({"a": X, "c": X}) == pytest.approx(196 * X.sum())


def test_only_so_many_programs_are_kept():
    run, replay = replay_of(lambda x: x + 1)
    for count in range(KEPT + 3):
        assert run(np.zeros(count)).shape == (count,)
    assert len(replay._programs) == KEPT
    assert ((), (tuple, ((0,), np.dtype(float)))) not in replay._programs
    assert run(np.zeros(0)).shape == (0,)


def test_numbers_and_keys_are_not_frozen():
    def function(source, step, rate, x):
        child = fold_in(fold_in(source, step), 7)
        return (
            rate * kernels_for(x).normal(child, x.shape, x),
            step + 1,
            rate / 2,
            child,
        )

    run, replay = replay_of(function)
    for arguments in ((key(3), 0, 0.5), (key(2**63), 5, 0.25), (Key(7, 9), 2**31, 3.0)):
        actual, desired = run(*arguments, X), function(*arguments, X)
        np.testing.assert_allclose(actual[0], kernels_for(X).xp.asarray(desired[0]))
        assert actual[1:] == desired[1:]
        assert [type(x) for x in actual] == [type(x) for x in desired]
        assert list(map(type, actual[3])) == [int, int]
    assert len(replay._programs) == 1
    assert is_replayed(replay)


def test_compiled_function_inside_a_traced_one_is_part_of_it():
    inner = replayed(_plus_one, KERNELS)
    before = len(inner._programs)
    run, replay = replay_of(lambda x: 2 * inner((), x))
    for x in (X, Y):
        np.testing.assert_array_equal(run(x), 2 * (x + 1))
    assert is_replayed(replay)
    assert len(inner._programs) == before
    np.testing.assert_array_equal(inner((), X), X + 1)


def test_compiled_function_compiles_through_its_kernels():
    def function(x):
        return kernels_for(x).compile(_plus_one)((), x) * 3

    run, replay = replay_of(function)
    for x in (X, Y):
        np.testing.assert_array_equal(run(x), 3 * (x + 1))
    assert is_replayed(replay)


def _plus_one(static, x):
    return x + 1


def test_function_has_one_replayed():
    assert KERNELS.compile(_plus_one) is KERNELS.compile(_plus_one)


def test_constant_survives_several_traces():
    fixed = Constant(np.arange(3.0))
    run, replay = replay_of(lambda x: x * fixed.like(kernels_for(x), x))
    for x in (X, X[:1], Y.astype(np.float32), Y, X[:1]):
        actual = run(x)
        np.testing.assert_array_equal(actual, x * np.arange(3.0, dtype=x.dtype))
        assert actual.dtype == x.dtype
    assert is_replayed(replay)
    np.testing.assert_array_equal(fixed.like(KERNELS, X), np.arange(3.0))
    assert type(fixed.like(KERNELS, X)) is np.ndarray


RESULTS = {
    "nothing": lambda _: None,
    "trees": lambda x: {"a": [x + 1, (x, None)], "b": Pair(x * 2, 3), "c": "text"},
    "a view": lambda x: x[1:, ::2].T,
    "fixed": lambda x: (x, np.arange(3), np.float32(2), True),
}


@pytest.mark.parametrize("function", RESULTS.values(), ids=list(RESULTS))
def test_result_is_the_same_tree(function):
    run, replay = replay_of(function)
    for x in (X, Y):
        assert repr(run(x)) == repr(function(x))
    assert is_replayed(replay)


def test_fixed_arrays_of_results_are_new_each_time():
    run, _ = replay_of(lambda x: (x + 1, np.zeros(3)))
    run(X)[1][...] = 5
    np.testing.assert_array_equal(run(X)[1], np.zeros(3))


def test_arguments_are_not_kept_alive():
    run, replay = replay_of(lambda x, y: x * y + 1)
    x, y = np.ones((40, 50)), np.ones((40, 50))
    seen = [weakref.ref(array) for array in (x, y)]
    for _ in range(2):
        run(x, y)
    del x, y
    gc.collect()
    assert is_replayed(replay)
    assert [ref() for ref in seen] == [None, None]


def test_large_arguments_are_not_copied_to_be_traced():
    seen = []
    run, _ = replay_of(lambda x: seen.append(x.value) or x + 1)
    x = np.ones(100)
    run(x)
    assert all(np.shares_memory(value, x) for value in seen)
    assert len(seen) == 2


def test_views_of_one_array_are_arguments_apart():
    both = np.arange(12.0).reshape(2, 6)
    run, replay = replay_of(lambda x, y: x - y)
    for _ in range(2):
        np.testing.assert_array_equal(run(both[0], both[1]), both[0] - both[1])
    assert is_replayed(replay)


def test_tracing_leaves_donated_arrays_alone():
    def function(x, grad):
        k = kernels_for(x)
        return k.add_channels_(x, grad), k.xp.sum(x)

    run, replay = replay_of(function)
    x = np.zeros((3, 2))
    for count in (1, 2):
        result, _ = run(x, np.ones(2))
        assert result is x
        np.testing.assert_array_equal(x, count)
    assert is_replayed(replay)


def test_programs_that_hold_too_much_memory_go(monkeypatch):
    monkeypatch.setattr(numba_replay, "MEMORY", 100_000)
    run = Replayed(lambda static, x: (x + static) * 2 - x, KERNELS)
    for static in range(3):
        run(static, np.ones(5000))
    assert [static for static, _ in run._programs] == [2]
    small = Replayed(lambda static, x: (x + static) * 2 - x, KERNELS)
    for static in range(3):
        small(static, np.ones(5))
    assert len(small._programs) == 3


def test_integers_as_many_as_a_team_has_words_are_no_team():
    run, replay = replay_of(lambda x, rows: kernels_for(x).xp.take(x, rows, axis=0))
    x, rows = np.arange(100.0), np.arange(ALONE.size, dtype=np.int64)
    for offset in (0, 50):
        np.testing.assert_array_equal(run(x, rows + offset), x[rows + offset])
    assert is_replayed(replay)
