"""Compiled random numbers: the words of the specification, from any counter on."""

import numpy as np
import pytest

pytest.importorskip("numba")

from numba import njit

from varlayers.kernels import Kernels
from varlayers.random import Key, fold_in, split
from varlayers_backends import numba_random
from varlayers_backends.numba_threads import ALONE, team

GENERIC, LIKE = Kernels(np), np.zeros(0, np.float32)
KEYS = [Key(0, 0), Key(0xFFFFFFFF, 0xFFFFFFFF), Key(0x243F6A88, 0x85A308D3)]
COUNTS = (0, 1, 2, 7, 64, 1001)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("count", COUNTS)
def test_words_are_those_of_the_specification(key, count):
    out = np.empty(count, np.uint32)
    numba_random.words(ALONE, *key, out)
    np.testing.assert_array_equal(out, GENERIC.words(key, count, LIKE))


def test_words_of_an_array_are_the_published_ones():
    out = np.empty(2, np.uint32)
    numba_random.words(ALONE, 0, 0, out)  # Random123's known answer for 13 rounds
    assert [f"{word:08x}" for word in out] == ["9d1c5ec6", "8bd50731"]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("data", [0, 1, 7, 2**31, 2**32 - 1])
def test_children_are_those_of_the_specification(key, data):
    folded, part = np.empty((2, 2), np.uint32)
    numba_random.child(*key, data, 0, folded)
    assert tuple(folded.tolist()) == fold_in(key, data)
    if data < 8:
        numba_random.child(*key, data, 1, part)
        assert tuple(part.tolist()) == split(key, 8)[data]


@njit
def words_from(start, out):
    numba_random._fill_words(start, out, 5, 7)


def test_counters_do_not_wrap_before_the_last():
    out, first = np.empty(4, np.uint32), np.empty(2, np.uint32)
    words_from(2 * (2**32 - 1), out)
    words_from(0, first)
    assert out[2:].tolist() == first.tolist()
    assert out[:2].tolist() != first.tolist()


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("name", ["words", "uniform", "normal"])
def test_threads_draw_what_one_draws(name, threads):
    draw, dtype = getattr(numba_random, name), np.uint32 if name == "words" else "f4"
    alone, shared = np.empty(50_001, dtype), np.empty(50_001, dtype)
    draw(ALONE, *KEYS[2], alone)
    for _ in range(20):
        draw(team(threads), *KEYS[2], shared)
        np.testing.assert_array_equal(shared, alone)


@pytest.mark.parametrize("count", [31, 50_001])
def test_threads_draw_the_signs_that_one_draws(count):
    words = GENERIC.words(KEYS[2], -(-count // 32), LIKE)
    alone, shared = np.empty(count, "f4"), np.empty(count, "f4")
    numba_random.signs(ALONE, words, alone)
    numba_random.signs(team(2), words, shared)
    np.testing.assert_array_equal(shared, alone)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["uniform", "signs"])
@pytest.mark.parametrize("count", COUNTS)
def test_uniforms_and_signs_are_exact(name, count, dtype):
    key, out = KEYS[2], np.empty(count, dtype)
    if name == "signs":
        numba_random.signs(ALONE, GENERIC.words(key, -(-count // 32), out), out)
    else:
        numba_random.uniform(ALONE, *key, out)
    np.testing.assert_array_equal(out, getattr(GENERIC, name)(key, (count,), out))


def test_normals_have_the_moments_of_a_standard_normal():
    out = np.empty(400_000, np.float32)
    numba_random.normal(ALONE, *KEYS[2], out)
    assert abs(out.mean()) < 5 / np.sqrt(out.size)
    assert abs((out**2).mean() - 1) < 5 * np.sqrt(2 / out.size)
    assert abs((out[::2] * out[1::2]).mean()) < 5 / np.sqrt(out.size / 2)
