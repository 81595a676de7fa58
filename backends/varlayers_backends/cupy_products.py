"""Matrix products of CuPy arrays, also while a graph is captured.

CuPy refuses to call cuBLAS while a stream is captured, which cuBLAS itself allows; so
then it is called here, through ctypes. cuBLAS counts along columns first, so to it the
arrays of C = A B hold Cᵀ = Bᵀ Aᵀ.

Reference: NVIDIA, cuBLAS, on `cublasGemmStridedBatchedEx` and on CUDA graphs.
"""

import ctypes
import os
import threading
from functools import cache
from typing import Any

import cupy

from varlayers_backends.cupy_launch import FLOATS, new, real_of
from varlayers_backends.tracing import TRACING

__all__ = ["matmul"]

# cudaDataType, cublasComputeType_t, cublasGemmAlgo_t and cublasOperation_t.
_HELD = {"float16": 2, "float32": 0, "float64": 1}
_COMPUTED = {"float32": 68, "float64": 70}
_TF32 = 77
_DEFAULT = -1
_AS_IT_IS, _TRANSPOSED = 0, 1


def matmul(a: Any, b: Any, out: Any = None) -> Any:
    """Return the product of two matrices, or of two stacks (n, …) of as many.

    Args:
        a: (m, k) or (n, m, k).
        b: (k, o) or (n, k, o).
        out: takes the product; contiguous.
    """
    if TRACING.board is None or a.dtype not in FLOATS or a.dtype != b.dtype:
        return cupy.matmul(a, b, out=out)
    out = new(a, (*a.shape[:-1], b.shape[-1])) if out is None else out
    if out.size and a.shape[-1]:
        _multiply(a, b, out)
    else:
        out[...] = 0
    return out


def _multiply(a: Any, b: Any, out: Any) -> None:
    held, computed, number = _kinds(out.dtype)
    one, zero = number(1), number(0)
    *stack, rows, columns = out.shape
    first, second = _Operand(b), _Operand(a)
    library, handle = _library(), _handle(out.device.id, threading.get_ident())
    stream = ctypes.c_void_p(cupy.cuda.get_current_stream().ptr)
    _check(library.cublasSetStream_v2(handle, stream))
    _check(
        library.cublasGemmStridedBatchedEx(
            *(handle, first.operation, second.operation),
            *map(ctypes.c_int, (columns, rows, a.shape[-1])),
            ctypes.byref(one),
            *(first.address, held, first.leading, first.step),
            *(second.address, held, second.leading, second.step),
            ctypes.byref(zero),
            *(ctypes.c_void_p(out.data.ptr), held, ctypes.c_int(columns)),
            ctypes.c_longlong(rows * columns),
            *(ctypes.c_int(stack[0] if stack else 1), computed, ctypes.c_int(_DEFAULT)),
        )
    )


class _Operand:
    """An array of matrices as cuBLAS is told of it."""

    def __init__(self, x: Any) -> None:
        if _layout(x) is None:
            x = cupy.array(x, order="C")
        self.array = x  # a copy must outlive the call
        operation, leading = _layout(x) or (_AS_IT_IS, x.shape[-1])
        self.address = ctypes.c_void_p(x.data.ptr)
        self.operation, self.leading = map(ctypes.c_int, (operation, leading))
        stacked = x.ndim == 3
        self.step = ctypes.c_longlong(x.strides[0] // x.itemsize if stacked else 0)


def _layout(x: Any) -> tuple[int, int] | None:
    """Return the operation that turns x into its transpose, and its leading length.

    That is the distance of its rows, or of its columns where those are contiguous.
    """
    rows, columns = x.shape[-2:]
    down, across = (stride // x.itemsize for stride in x.strides[-2:])
    if rows == 1:
        down = columns if across == 1 else 1
    if columns == 1:
        across = 1
    if across == 1 and down >= columns:
        return _AS_IT_IS, down
    if down == 1 and across >= rows:
        return _TRANSPOSED, across
    return None


@cache
def _kinds(dtype: Any) -> tuple[Any, Any, Any]:
    """Return what matrices hold, what is computed, and the type of a factor."""
    real = real_of(dtype).name
    fast = real == "float32" and os.environ.get("CUPY_TF32") == "1"
    computed = _TF32 if fast else _COMPUTED[real]
    number = ctypes.c_float if real == "float32" else ctypes.c_double
    return ctypes.c_int(_HELD[dtype.name]), ctypes.c_int(computed), number


@cache
def _library() -> Any:
    """Return cuBLAS, as CuPy has loaded it."""
    cupy.cuda.device.get_cublas_handle()
    version = cupy.cuda.runtime.runtimeGetVersion() // 1000
    windows = os.name == "nt"
    name = f"cublas64_{version}.dll" if windows else f"libcublas.so.{version}"
    return ctypes.CDLL(name)


@cache
def _handle(device: int, thread: int) -> Any:
    """Return a handle for the current device and thread; CuPy's keeps its stream."""
    handle = ctypes.c_void_p()
    _check(_library().cublasCreate_v2(ctypes.byref(handle)))
    return handle


def _check(status: int) -> None:
    if status:
        msg = f"cuBLAS failed with status {status}."
        raise RuntimeError(msg)
