"""Teams: as many threads as BLAS has, awake for a while, new in a child process."""

import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

pytest.importorskip("numba")

from varlayers_backends import numba_threads
from varlayers_backends.numba_fork import AWAKE
from varlayers_backends.numba_threads import ALONE, MOST, team


def test_one_thread_is_alone():
    assert team(1) is ALONE


def test_a_team_is_made_once():
    assert team(3) is team(3)
    assert team(3) is not team(2)


@pytest.mark.parametrize("blas", [1, 3, 10 * MOST])
@pytest.mark.parametrize("processors", [1, 4, 10 * MOST])
def test_a_team_is_as_large_as_blas_processors_and_the_most_allow(
    blas, processors, monkeypatch
):
    monkeypatch.setattr(numba_threads, "thread_count", lambda: blas)
    monkeypatch.setattr(numba_threads, "_processors", lambda: processors)
    assert numba_threads.team_size() == min(blas, processors, MOST)


def test_helpers_wake_and_sleep_again():
    """They look for parts for milliseconds; the rest is the system's delay."""
    for _ in range(2):
        until = time.monotonic() + 30
        while team(2)[AWAKE] == 0 and time.monotonic() < until:
            time.sleep(1e-4)
        words = numba_threads._teams[2].words
        while words[AWAKE] and time.monotonic() < until:
            time.sleep(1e-3)
        assert words[AWAKE] == 0
        assert time.monotonic() < until


def test_a_loop_without_memory_says_so():
    numba_threads.check_memory(False)
    with pytest.raises(MemoryError, match="expected memory for each of its threads"):
        numba_threads.check_memory(True)


def test_the_number_of_threads_is_that_of_blas():
    threadpoolctl = pytest.importorskip("threadpoolctl")
    with threadpoolctl.threadpool_limits(1, user_api="blas"):
        assert numba_threads.thread_count() == 1
        assert team() is ALONE


def test_without_threadpoolctl_there_is_one_thread(monkeypatch):
    monkeypatch.setattr(numba_threads, "pools", list)
    assert numba_threads._counter.__wrapped__()() == 1


def test_callers_may_have_threads_of_their_own():
    """Each gets its numbers, whoever has the team."""
    from varlayers.random import Key
    from varlayers_backends import numba_random

    desired, wrong = [np.empty(60_000, np.float32) for _ in range(4)], []
    for seed, out in enumerate(desired):
        numba_random.normal(ALONE, *Key(seed, 1), out)

    def draw(seed):
        out = np.empty_like(desired[seed])
        for _ in range(30):
            numba_random.normal(team(2), *Key(seed, 1), out)
            if not np.array_equal(out, desired[seed]):
                wrong.append(seed)

    threads = [threading.Thread(target=draw, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


FORK = """
import os
import numpy as np
from varlayers_backends import numba_random
from varlayers_backends.numba_threads import team

before, out = team(2), np.empty(60_000, np.float32)
numba_random.normal(before, 1, 2, out)
child = os.fork()
if child == 0:
    own = np.empty_like(out)
    numba_random.normal(team(2), 1, 2, own)
    os._exit(0 if team(2) is not before and np.array_equal(out, own) else 1)
assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_child_process_has_helpers_of_its_own():
    """In an interpreter of its own: a fork beside the threads of JAX warns."""
    subprocess.run([sys.executable, "-c", FORK], check=True)
