"""How the CUDA kernels are compiled and launched: sources, grids, arguments.

The sources `cuda/*.cuh` are compiled by NVRTC on the first use of a dtype, and CuPy
keeps the result on disk. A launch is put on the current stream of the arrays' device;
nothing here waits for the device or copies to the host.

Grids depend on shapes alone, never on the device, so that no result depends on it. None
of them has been tuned: no kernel here was ever run on a device.
"""

from functools import cache
from importlib.resources import files
from typing import Any

import cupy
import numpy as np

from varlayers.types import Shape

__all__ = [
    "FLOATS",
    "SOURCES",
    "alike",
    "each",
    "launch",
    "new",
    "one_block",
    "options",
    "parts",
    "parts_of",
    "plain",
    "real_of",
    "rows",
    "signs",
    "source",
    "tiles",
]

# By dtype: what arrays hold, and what is computed.
FLOATS = {
    np.dtype(np.float16): ("Half", "float"),
    np.dtype(np.float32): ("float", "float"),
    np.dtype(np.float64): ("double", "double"),
}
_ANY = np.dtype(np.float32)
SOURCES = ("half", "kernels", "random", "board", "passes", "windows", "pooling")

_THREADS = 256  # of a block; MOST_THREADS in kernels.cuh
_BLOCKS = 4096  # of a grid: beyond, each thread takes more elements
_PARTS = 256  # blocks of a sum over an array, of 4 elements or more to a thread
_ROWS = 32  # of patches to a thread, as in windows.cuh
_MOST_BLOCKS_Y = 65535  # that CUDA allows


def source() -> str:
    """Return the CUDA source of all kernels."""
    folder = files("varlayers_backends") / "cuda"
    return "\n".join((folder / f"{name}.cuh").read_text("utf-8") for name in SOURCES)


def options(dtype: Any) -> tuple[str, ...]:
    """Return what the compiler is told for arrays of this dtype."""
    held, real = FLOATS[np.dtype(dtype)]
    return ("--std=c++17", f"-DHELD={held}", f"-DREAL={real}")


def real_of(dtype: Any) -> Any:
    """Return the dtype in which kernels compute for arrays of a dtype in FLOATS."""
    return np.promote_types(dtype, np.float32)


def new(like: Any, shape: Shape | None = None, dtype: Any = None) -> Any:
    """Return an array without values, on the device of `like`."""
    with like.device:
        return cupy.empty(
            like.shape if shape is None else shape, dtype or like.dtype, order="C"
        )


def alike(first: Any, *others: Any) -> bool:
    """Whether the arrays are of one shape and of one dtype in FLOATS."""
    shape, dtype = first.shape, first.dtype
    return dtype in FLOATS and all(
        other.shape == shape and other.dtype == dtype for other in others
    )


def plain(x: Any) -> Any:
    """Return x, or a copy with its entries in a row."""
    return x if x.flags.c_contiguous else cupy.array(x, order="C")


def launch(name: str, like: Any, grid: Shape, block: Shape, *arguments: Any) -> None:
    """Launch a kernel for arrays of the dtype and device of `like`.

    Where that is not in FLOATS, the kernel is one to which REAL makes no difference.
    An integer goes as 64 bits, a float as what is computed, anything else as it is.
    """
    dtype = like.dtype if like.dtype in FLOATS else _ANY
    number = {int: np.int64, float: real_of(dtype).type}
    given = tuple(number.get(type(each), _same)(each) for each in arguments)
    with like.device:
        _function(name, dtype)(grid, block, given)


def each(name: str, like: Any, count: int, *arguments: Any) -> None:
    """Launch with a thread for each of `count` elements, as far as they go."""
    blocks = min(max(1, -(-count // _THREADS)), _BLOCKS)
    launch(name, like, (blocks,), (_THREADS,), *arguments)


def parts_of(count: int) -> int:
    """Return how many blocks share a sum over `count` elements."""
    return min(max(1, -(-count // (4 * _THREADS))), _PARTS)


def parts(name: str, like: Any, count: int, *arguments: Any) -> None:
    """Launch with a block for each of the `count` parts of a sum."""
    launch(name, like, (count,), (_THREADS,), *arguments)


def one_block(name: str, like: Any, *arguments: Any) -> None:
    """Launch a single block."""
    launch(name, like, (1,), (_THREADS,), *arguments)


def rows(name: str, like: Any, count: int, width: int, *arguments: Any) -> None:
    """Launch with a block for each of `count` rows, as wide as they need."""
    threads = 32
    while threads < min(width // 2, _THREADS):
        threads *= 2
    launch(name, like, (max(1, min(count, 1 << 20)),), (threads,), *arguments)


def signs(name: str, like: Any, count: int, *arguments: Any) -> None:
    """Launch with 64 signs for each thread."""
    threads = 128
    blocks = min(max(1, -(-count // (64 * threads))), _BLOCKS)
    launch(name, like, (blocks,), (threads,), *arguments)


def tiles(name: str, like: Any, count: int, width: int, *arguments: Any) -> None:
    """Launch with a thread for each column of some of `count` rows."""
    threads = min(_THREADS, -(-width // 32) * 32)
    across = -(-width // threads)
    down = min(max(1, -(-count // _ROWS)), _MOST_BLOCKS_Y)
    launch(name, like, (across, down), (threads,), *arguments)


@cache
def _function(name: str, dtype: Any) -> Any:
    return _module(dtype).get_function(name)


@cache
def _module(dtype: Any) -> Any:
    return cupy.RawModule(code=source(), options=options(dtype))


def _same(argument: Any) -> Any:
    return argument
