"""Memory is used again, but never while somebody can see it."""

import threading

import numpy as np
import pytest

from varlayers_backends import numpy_buffers

SHAPE = (300, 200)


@pytest.fixture(autouse=True)
def no_blocks(monkeypatch):
    monkeypatch.setattr(numpy_buffers, "_blocks", {})


def address(x):
    return x.__array_interface__["data"][0]


def test_memory_is_used_again_once_it_is_free():
    first = numpy_buffers.empty(SHAPE, np.float32)
    assert (first.shape, first.dtype) == (SHAPE, np.float32)
    assert first.flags.carray
    where = address(first)
    del first
    again = numpy_buffers.empty((200, 150), np.float64)  # as many bytes
    assert address(again) == where
    other = numpy_buffers.empty(SHAPE, np.float32)
    assert address(other) != where


@pytest.mark.parametrize(
    "refer",
    [
        lambda x: x[3:5],
        lambda x: x.reshape(-1)[::2],
        lambda x: x.view(np.int32),
        memoryview,
        np.from_dlpack,
        lambda x: {"a": [x]},
    ],
    ids=["slice", "stride", "view", "memoryview", "dlpack", "container"],
)
def test_memory_in_anybodys_sight_is_not(refer):
    x = numpy_buffers.empty(SHAPE, np.float32)
    where, held = address(x), refer(x)
    del x
    assert address(numpy_buffers.empty(SHAPE, np.float32)) != where
    del held
    assert address(numpy_buffers.empty(SHAPE, np.float32)) == where


def test_zeros_are_zero_in_memory_that_was_used():
    numpy_buffers.empty(SHAPE, np.float32)[...] = 7
    assert not numpy_buffers.zeros(SHAPE, np.float32).any()


def test_small_arrays_are_numpys():
    assert numpy_buffers.empty((), np.float32).base is None
    assert numpy_buffers.empty((0, 7), np.float64).shape == (0, 7)
    assert not numpy_buffers._blocks


def test_no_more_is_kept_than_said(monkeypatch):
    size = 4 * SHAPE[0] * SHAPE[1]
    monkeypatch.setattr(numpy_buffers, "KEPT", 2 * size)
    held = [numpy_buffers.empty(SHAPE, np.float32) for _ in range(3)]
    assert numpy_buffers._kept() == 2 * size
    assert len({address(x) for x in held}) == 3
    held.clear()
    larger = numpy_buffers.empty((600, 200), np.float32)  # free ones make room
    assert numpy_buffers._kept() == larger.nbytes == 2 * size


def test_threads_get_memory_of_their_own():
    arrays, start = [], threading.Barrier(8)

    def draw(number):
        start.wait()
        for _ in range(200):
            x = numpy_buffers.empty(SHAPE, np.float32)
            x[...] = number
            assert (x == number).all()
        arrays.append(x)

    threads = [threading.Thread(target=draw, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(x[0, 0] for x in arrays) == list(range(8))


def test_a_held_lock_is_not_waited_for():
    with numpy_buffers._lock:
        assert numpy_buffers.empty(SHAPE, np.float32).base is None
