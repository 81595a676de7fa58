"""Compiled random numbers: the words of the specification, from any counter on."""

import numpy as np
import pytest

pytest.importorskip("numba")

from varlayers.kernels import Kernels
from varlayers.random import Key
from varlayers_backends import numba_random

GENERIC, LIKE = Kernels(np), np.zeros(0, np.float32)
KEYS = [Key(0, 0), Key(0xFFFFFFFF, 0xFFFFFFFF), Key(0x243F6A88, 0x85A308D3)]
COUNTS = (0, 1, 2, 7, 64, 1001)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("count", COUNTS)
def test_words_are_those_of_the_specification(key, count):
    out = np.empty(count, np.uint32)
    numba_random.words(*key, 0, out)
    np.testing.assert_array_equal(out, GENERIC.words(key, count, LIKE))


def test_words_of_an_array_are_the_published_ones():
    out = np.empty(2, np.uint32)
    numba_random.words(0, 0, 0, out)  # Random123's known answer for 13 rounds
    assert [f"{word:08x}" for word in out] == ["9d1c5ec6", "8bd50731"]


@pytest.mark.parametrize("name", ["words", "uniform", "normal"])
@pytest.mark.parametrize("start", [0, 1, 100, 333])
def test_a_slice_is_what_the_whole_has_there(name, start):
    fill, dtype = getattr(numba_random, name), np.uint32 if name == "words" else "f4"
    whole, part = np.empty(1001, dtype), np.empty(301, dtype)
    fill(*KEYS[2], 0, whole)
    fill(*KEYS[2], start, part)
    np.testing.assert_array_equal(part, whole[2 * start : 2 * start + 301])


def test_counters_do_not_wrap_before_the_last():
    out = np.empty(4, np.uint32)
    numba_random.words(5, 7, 2**32 - 1, out)
    first = np.empty(2, np.uint32)
    numba_random.words(5, 7, 0, first)
    assert out[2:].tolist() == first.tolist()
    assert out[:2].tolist() != first.tolist()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["uniform", "signs"])
@pytest.mark.parametrize("count", COUNTS)
def test_uniforms_and_signs_are_exact(name, count, dtype):
    key, out = KEYS[2], np.empty(count, dtype)
    if name == "signs":
        numba_random.signs(GENERIC.words(key, -(-count // 32), out), out)
    else:
        numba_random.uniform(*key, 0, out)
    np.testing.assert_array_equal(out, getattr(GENERIC, name)(key, (count,), out))


def test_normals_have_the_moments_of_a_standard_normal():
    out = np.empty(400_000, np.float32)
    numba_random.normal(*KEYS[2], 0, out)
    assert abs(out.mean()) < 5 / np.sqrt(out.size)
    assert abs((out**2).mean() - 1) < 5 * np.sqrt(2 / out.size)
    assert abs((out[::2] * out[1::2]).mean()) < 5 / np.sqrt(out.size / 2)
