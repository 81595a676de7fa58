"""Calls on threads: each once, whatever the helpers do."""

import os
import subprocess
import sys
import threading

import pytest

pytest.importorskip("numba")

from varlayers_backends import numba_threads


@pytest.fixture(params=[1, 2, 5])
def threads(request, monkeypatch):
    monkeypatch.setattr(numba_threads, "thread_count", lambda: request.param)
    return request.param


@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_every_call_is_made_once(threads, count):
    made = []
    numba_threads.run(made.append, count)
    assert sorted(made) == list(range(count))


def test_helpers_help(monkeypatch):
    """Two calls that wait for each other need two threads."""
    monkeypatch.setattr(numba_threads, "thread_count", lambda: 2)
    both = threading.Barrier(2, timeout=30)
    numba_threads.run(lambda _: both.wait(), 2)


def test_nobody_waits_for_a_helper_that_does_not_come(monkeypatch):
    monkeypatch.setattr(numba_threads, "thread_count", lambda: 2)
    monkeypatch.setattr(numba_threads._Helpers, "offer", lambda *_: None)
    made = []
    numba_threads.run(made.append, 3)
    assert made == [0, 1, 2]


def test_errors_reach_the_caller(threads):
    def fail(index):
        msg = f"planted in call {index}"
        raise OverflowError(msg)

    with pytest.raises(OverflowError, match="planted in call"):
        numba_threads.run(fail, 3)
    made = []
    numba_threads.run(made.append, 3)
    assert sorted(made) == [0, 1, 2]


def test_the_caller_does_what_a_helper_failed_at(monkeypatch):
    monkeypatch.setattr(numba_threads, "thread_count", lambda: 2)
    caller, both = threading.get_ident(), threading.Barrier(2, timeout=30)
    made = []

    def fail_elsewhere(index):
        if len(made) < 1:
            both.wait()
        if threading.get_ident() != caller:
            msg = "planted in a helper"
            raise OverflowError(msg)
        made.append(index)

    numba_threads.run(fail_elsewhere, 2)
    assert sorted(made) == [0, 1]


def test_the_number_of_threads_is_that_of_blas():
    threadpoolctl = pytest.importorskip("threadpoolctl")
    with threadpoolctl.threadpool_limits(1, user_api="blas"):
        assert numba_threads.thread_count() == 1


FORK = """
import os
from varlayers_backends import numba_threads

numba_threads.thread_count = lambda: 2
numba_threads.run(lambda _: None, 2)
before = numba_threads._helpers
child = os.fork()
if child == 0:
    os._exit(0 if numba_threads._helpers is not before else 1)
assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_child_process_has_helpers_of_its_own():
    """In an interpreter of its own: a fork beside the threads of JAX warns."""
    subprocess.run([sys.executable, "-c", FORK], check=True)
