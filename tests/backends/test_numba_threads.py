"""Work on several threads: every piece once, and no number that depends on them."""

import os
import threading

import numpy as np
import pytest

pytest.importorskip("numba")
pytest.importorskip("threadpoolctl")

from varlayers.random import Key
from varlayers_backends import numba_threads
from varlayers_backends.numba import NumbaKernels
from varlayers_backends.numba_passes import BLOCK
from varlayers_backends.numba_threads import PIECE, run, thread_count

K, KEY, SHAPE = NumbaKernels(), Key(5, 7), (3, PIECE + 1001)
ADAM = {"rate": 0.1, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8, "decay": 0.1, "step": 3}
SGD = {"rate": 0.1, "momentum": 0.9, "nesterov": True, "decay": 0.1}

METHODS = {
    "uniform": lambda *x: K.uniform(KEY, SHAPE, x[0]),
    "normal": lambda *x: K.normal(KEY, SHAPE, x[0]),
    "signs": lambda *x: K.signs(KEY, SHAPE, x[0]),
    "scale_normal": lambda *x: K.scale_normal(x[0], 1e-5),
    "sample_normal": lambda *x: K.sample_normal(*x[:3]),
    "sample_normal_backward": lambda *x: K.sample_normal_backward(*x[:3]),
    "variance_normal_backward": lambda *x: K.variance_normal_backward(*x[:3]),
    "add_kl_normal_": lambda *x: K.add_kl_normal_(*x[:3], 0.0, 1.0, 0.3, *x[3:]),
    "local_noise": lambda *x: K.local_noise(*x[:3]),
    "local_noise_backward": lambda *x: K.local_noise_backward(*x[:3]),
    "adam_": lambda *x: K.adam_(*x[:4], **ADAM),
    "sgd_": lambda *x: K.sgd_(*x[:3], **SGD),
}


@pytest.fixture(params=[2, 3, 8])
def threads(request, monkeypatch):
    """Let work have several threads, whatever BLAS has."""
    monkeypatch.setattr(numba_threads, "thread_count", lambda: request.param)
    return request.param


def test_pieces_are_even_and_whole_blocks():
    assert PIECE % 2 == 0
    assert PIECE % BLOCK == 0


@pytest.mark.parametrize("size", [0, 1, PIECE, PIECE + 1, 5 * PIECE - 1])
def test_every_piece_is_done_once(threads, size):
    counts = np.zeros(size, int)

    def call(start, stop):
        counts[start:stop] += 1

    run(call, size)
    np.testing.assert_array_equal(counts, 1)


def test_helpers_help(threads):
    names, both = set(), threading.Barrier(2, timeout=10)

    def call(start, stop):
        names.add(threading.current_thread().name)
        if start < 2 * PIECE:  # the first two pieces wait for each other
            both.wait()

    run(call, 4 * PIECE)
    assert len(names) > 1


@pytest.mark.parametrize("call", METHODS.values(), ids=METHODS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_result_is_the_same_on_any_number_of_threads(monkeypatch, call, dtype):
    results = []
    for count in (1, 2, 5):
        monkeypatch.setattr(numba_threads, "thread_count", lambda count=count: count)
        drawn = np.random.default_rng(0).uniform(0.1, 1, (5, *SHAPE))
        result = call(*drawn.astype(dtype))
        results.append(result if isinstance(result, tuple) else (result,))
    for other in results[1:]:
        for one, same in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(one, same)


def test_callers_with_threads_of_their_own_do_not_meet(threads):
    right, wrong = K.normal(KEY, SHAPE, np.zeros(0)), []

    def draw():
        for _ in range(5):
            if not np.array_equal(K.normal(KEY, SHAPE, np.zeros(0)), right):
                wrong.append(threading.get_ident())

    callers = [threading.Thread(target=draw) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not wrong


@pytest.mark.parametrize("caller_fails", [False, True])
def test_the_caller_does_where_a_helper_failed(threads, caller_fails):
    caller, both, done = threading.get_ident(), threading.Barrier(2, timeout=10), []

    def call(start, stop):
        if start < 2 * PIECE and len(done) < 2:
            done.append(None)
            both.wait()
        if caller_fails or threading.get_ident() != caller:
            msg = "no more memory"
            raise MemoryError(msg)
        done.append(start)

    if caller_fails:
        with pytest.raises(MemoryError, match="no more memory"):
            run(call, 4 * PIECE)
    else:
        run(call, 4 * PIECE)
        assert sorted(done[2:]) == [0, PIECE, 2 * PIECE, 3 * PIECE]


def test_thread_count_is_that_of_blas():
    import threadpoolctl

    for limit in (1, 2):
        with threadpoolctl.threadpool_limits(limit, "blas"):
            pools = threadpoolctl.threadpool_info()
            blas = [p["num_threads"] for p in pools if p["user_api"] == "blas"]
            assert thread_count() == min(blas)


def test_one_thread_without_a_known_blas(monkeypatch):
    monkeypatch.setattr(numba_threads, "_pools", list)
    assert thread_count() == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
@pytest.mark.filterwarnings("ignore:This process")
def test_a_child_process_has_helpers_of_its_own(threads):
    run(lambda *_: None, 2 * PIECE)
    child = os.fork()
    if child == 0:
        done = []
        run(lambda *piece: done.append(piece[0]), 4 * PIECE)
        os._exit(0 if sorted(done) == [0, PIECE, 2 * PIECE, 3 * PIECE] else 1)
    assert os.waitpid(child, 0)[1] == 0
