"""Streams, graphs and cuBLAS, as the stand-in for CuPy has them (`fake_cupy`).

While a stream is captured nothing is done: what would be is kept, and done each time
the graph is launched.
"""

import ctypes
import itertools
from contextlib import contextmanager

import numpy as np

CAPTURE = []  # the list of what a captured stream would do, if there is one
_CURRENT = []
_NUMBERS = itertools.count(2)


def is_capturing():
    return bool(CAPTURE)


def keep(action):
    """Do something later, whenever the graph is launched."""
    CAPTURE[-1].append(action)


class Event:
    """What a stream waits for; the host is always done."""


class Graph:
    """What was captured."""

    def __init__(self, actions):
        self.actions = actions

    def launch(self, stream=None):
        assert not is_capturing()
        for action in self.actions:
            action()


class Stream:
    """A stream that does all at once, or, captured, nothing."""

    def __init__(self, non_blocking=False):
        self.ptr = next(_NUMBERS) if non_blocking else 0

    def __eq__(self, other):
        return isinstance(other, Stream) and self.ptr == other.ptr

    def __hash__(self):
        return self.ptr

    def __enter__(self):
        _CURRENT.append(self)
        return self

    def __exit__(self, *_):
        _CURRENT.pop()

    def begin_capture(self):
        assert self.ptr, "cannot capture on the default (legacy) stream"
        assert get_current_stream() == self
        CAPTURE.append([])

    def end_capture(self):
        return Graph(CAPTURE.pop())

    def record(self):
        return Event()

    def wait_event(self, event):
        assert isinstance(event, Event)

    def synchronize(self):
        assert not is_capturing()


def get_current_stream():
    return _CURRENT[-1] if _CURRENT else Stream()


class MemoryPool:
    """A pool that gives no memory: NumPy does."""

    def malloc(self, size):
        raise NotImplementedError


@contextmanager
def using_allocator(allocator):
    assert callable(allocator)
    yield


class Cublas:
    """The functions of cuBLAS that `cupy_products` calls, on the host's memory."""

    def __init__(self):
        self.types = {2: np.float16, 0: np.float32, 1: np.float64}
        self.products = 0

    def cublasCreate_v2(self, handle):
        handle._obj.value = 7
        return 0

    def cublasSetStream_v2(self, handle, stream):
        assert handle.value == 7
        assert (stream.value or 0) == get_current_stream().ptr
        return 0

    def cublasGemmStridedBatchedEx(self, *given):
        """Do what cuBLAS does: column-major, with leading lengths and steps."""
        handle, *rest = given
        first_kind, second_kind, m, n, k, one, *operands, count, computed, _ = rest
        first, second, (zero, *out) = operands[:4], operands[4:8], operands[8:]
        assert handle.value == 7
        assert (one._obj.value, zero._obj.value) == (1, 0)
        held = self.types[out[1].value]
        assert {first[1].value, second[1].value} == {out[1].value}
        assert computed.value == (70 if held is np.float64 else 68)
        for matrix, kind, shape in (
            (first, first_kind, (m, k)),
            (second, second_kind, (k, n)),
        ):
            rows = shape[kind.value].value
            assert matrix[2].value >= max(1, rows), "the leading length is too short"
        assert out[2].value >= m.value

        def product():
            self.products += 1
            for i in range(count.value):
                a = matrix_at(first, held, i, m.value, k.value, first_kind.value)
                b = matrix_at(second, held, i, k.value, n.value, second_kind.value)
                matrix_at(out, held, i, m.value, n.value, 0)[...] = a @ b

        keep(product) if is_capturing() else product()
        return 0


def matrix_at(told, dtype, i, rows, columns, transposed):
    """Return one matrix of a stack in the host's memory, counted along columns."""
    address, _, leading, step = told
    size = np.dtype(dtype).itemsize
    if transposed:
        rows, columns = columns, rows
    start = address.value + i * step.value * size
    count = (columns - 1) * leading.value + rows
    memory = (ctypes.c_char * (count * size)).from_address(start)
    strides = size, leading.value * size
    x = np.ndarray((rows, columns), dtype, memory, 0, strides)
    return x.T if transposed else x
