"""Parts of a loop: each made once, whatever the helpers do."""

import time

import numpy as np
import pytest

pytest.importorskip("numba")

from numba import njit

from varlayers_backends import numba_fork
from varlayers_backends.numba_fork import fork, make_team
from varlayers_backends.numba_math import inner
from varlayers_backends.numba_threads import ALONE, team

GRAIN = 10


@inner
def _count(start, out, seen, offset):
    for i in range(len(out)):
        out[i] += start + i + offset
    seen[start // GRAIN] += len(out)


@njit(nogil=True)
def count(team, out, seen, offset):
    return fork(team, _count, (out,), (seen, offset), len(out), GRAIN)


def counted(team, size):
    out, seen = np.zeros(size), np.zeros(size // GRAIN + 1)
    assert not count(team, out, seen, 7)
    return out, seen


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("size", [0, 1, GRAIN, GRAIN + 1, 1003])
def test_every_part_is_made_once(size, threads):
    for _ in range(50):
        out, seen = counted(team(threads), size)
        np.testing.assert_array_equal(out, np.arange(size) + 7)
        assert seen.sum() == size
        assert seen.max() <= GRAIN


@inner
def _add_rows(start, x, y, whole):
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            y[i, j] = x[i, j] + whole.shape[0]


@njit
def add_rows(team, x, y):
    fork(team, _add_rows, (x, y), (x,), x.shape[0], 2)


def test_arrays_are_cut_along_their_first_axis():
    x = np.arange(15.0).reshape(5, 3)
    y = np.empty_like(x)
    add_rows(ALONE, x, y)
    np.testing.assert_array_equal(y, x + 5)


@inner
def _meet(start, met, seen):
    numba_fork._add(met, 0, 1)
    for _ in range(100_000):
        seen[start] = numba_fork._load(met, 0) == 2
        if seen[start]:
            break
        numba_fork._give_way()


@njit(nogil=True)
def meet(team, met, seen):
    fork(team, _meet, (), (met, seen), 2, 1)


def test_helpers_help():
    """Two parts that see each other begin are on two threads; not all helpers wake."""
    seen, until = np.zeros(2, bool), time.monotonic() + 60
    while not seen.all():
        assert time.monotonic() < until
        meet(team(2), np.zeros(1, np.int64), seen)


def test_nobody_waits_for_a_helper_that_does_not_come():
    out, _ = counted(make_team(), 99)
    np.testing.assert_array_equal(out, np.arange(99) + 7)


def test_a_second_caller_makes_its_parts_alone():
    busy = make_team()
    busy[numba_fork._TAKEN] = 1
    before = busy.copy()
    out, _ = counted(busy, 99)
    np.testing.assert_array_equal(out, np.arange(99) + 7)
    np.testing.assert_array_equal(busy, before)


@inner
def _fail(start, at):
    if start == at:
        raise MemoryError


@njit
def fail(team, at):
    return fork(team, _fail, (), (at,), 100, GRAIN)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_failure_is_told_once(threads):
    for at in (0, 50, 90):
        assert fail(team(threads), at)
        assert not fail(team(threads), 1)
