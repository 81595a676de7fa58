"""Grids cover what they should, without a device; arguments have the kernels' types."""

import numpy as np
import pytest
from support import fake_cupy
from support.cuda import launcher
from support.host_kernels import HostKernels, signatures

LAUNCH = launcher()
COUNTS = (0, 1, 31, 32, 255, 256, 257, 4096, 65537, 10**6, 2**31, 2**33)


class Recorded:
    """Stands for an array and records the grid of a launch."""

    device = fake_cupy.Device()
    dtype = np.dtype("float32")


@pytest.fixture
def launched(monkeypatch):
    """The (grid, block, arguments) of each launch, nothing of which runs."""
    calls = []

    def function(name, dtype):
        return lambda grid, block, given: calls.append((grid, block, given))

    monkeypatch.setattr(LAUNCH, "_function", function)
    return calls


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("name", ["each", "signs"])
def test_grid_of_elements_is_one_that_cuda_starts(launched, name, count):
    getattr(LAUNCH, name)("kernel", Recorded, count)
    (((blocks,), (threads,), _),) = launched
    assert 1 <= blocks < 2**31
    assert threads % 32 == 0
    assert threads <= 256
    assert blocks * threads >= min(count, 2**16) / (64 if name == "signs" else 1)


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("width", [0, 1, 10, 64, 100, 1000, 10**5])
def test_grid_of_rows_is_one_that_cuda_starts(launched, count, width):
    LAUNCH.rows("kernel", Recorded, count, width)
    (((blocks,), (threads,), _),) = launched
    assert 1 <= blocks < 2**31
    assert threads in (32, 64, 128, 256)  # `block_fold` needs a power of two


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("width", [1, 25, 576, 10**5])
def test_grid_of_tiles_covers_every_column(launched, count, width):
    LAUNCH.tiles("kernel", Recorded, count, width)
    (((across, down), (threads,), _),) = launched
    assert across * threads >= width
    assert 1 <= down <= 65535
    assert threads <= 256


def test_parts_of_a_sum_depend_on_its_length_alone():
    assert [LAUNCH.parts_of(count) for count in (0, 1, 1024, 1025, 10**9)] == [
        *(1, 1, 1, 2, 256)
    ]


def test_numbers_get_the_types_of_the_kernels(launched):
    LAUNCH.each("kernel", Recorded, 1, 3, 0.5, np.uint32(7))
    assert [type(given) for given in launched[0][2]] == [
        *(np.int64, np.float32, np.uint32)
    ]


def test_block_size_is_that_of_the_source():
    assert f"#define MOST_THREADS {LAUNCH._THREADS}\n" in LAUNCH.source()
    assert f"#define ROWS {LAUNCH._ROWS}\n" in LAUNCH.source()


def test_signatures_are_read():
    text = "KERNEL one(const real *x, i64 n,\n  real *y) {}\nKERNEL two(u32 k) {}"
    assert signatures(text) == {
        "one": ["const real *", "i64", "real *"],
        "two": ["u32"],
    }


COPY = "KERNEL copy(const real *x, i64 n, real *y) {\n EACH(i, n) y[i] = x[i];\n}\n"
X, Y, N = np.ones(3, "float32"), np.zeros(3, "float32"), np.int64(3)
READONLY = np.zeros(3, "float32")
READONLY.flags.writeable = False


def host(extra=COPY):
    return HostKernels(LAUNCH.source() + extra, {"HELD": "float", "REAL": "float"})


def test_host_runs_every_element():
    host().launch("copy", (2,), (32,), [X, N, Y])
    assert Y.tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([X, N], "expects"),
        ([X, 3, Y], "argument 1"),
        ([X, np.int32(3), Y], "argument 1"),
        ([X.astype("float64"), N, Y], "argument 0"),
        ([X[::2], N, Y], "argument 0"),
        ([X, N, READONLY], "argument 2"),
    ],
)
def test_host_refuses_what_a_device_would_misread(arguments, message):
    with pytest.raises(AssertionError, match=message):
        host().launch("copy", (1,), (32,), arguments)


@pytest.mark.parametrize("grid", [(0,), (2**31,), (1, 65536)])
def test_host_refuses_a_grid_that_cuda_would_not_start(grid):
    with pytest.raises(AssertionError):
        host().launch("copy", grid, (32,), [X, N, Y])


def test_host_finds_a_barrier_that_not_every_thread_reaches():
    text = "KERNEL lone(int n) {\n if (threadIdx.x < n) __syncthreads();\n}\n"
    kernels = host(text)
    kernels.launch("lone", (1,), (32,), [np.int32(32)])
    kernels.launch("lone", (1,), (32,), [np.int32(0)])
    with pytest.raises(AssertionError, match="barrier"):
        kernels.launch("lone", (1,), (32,), [np.int32(3)])
