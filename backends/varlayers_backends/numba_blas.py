"""Matrix products on a team's threads, each part by NumPy's BLAS on one thread.

    C = A B: parts of its rows or of its columns, the more of the two

The threads of BLAS itself look for work without rest for a while after every product,
and so would keep a team's helpers from the passes in between (`numba_fork`). Here they
never begin: BLAS has one thread during the product, and as many as before after it.

BLAS is called as NumPy's own wheels name it: OpenBLAS with integers of 64 bits.
"""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from varlayers_backends import numba_threads
from varlayers_backends.numba_fork import fork
from varlayers_backends.numba_math import inner, kernel
from varlayers_backends.numpy_buffers import empty
from varlayers_backends.tracing import TRACING

__all__ = ["Blas", "find", "matmul", "product", "single"]

_GEMM = ("scipy_cblas_{}gemm64_", "cblas_{}gemm64_")
_SET = ("scipy_openblas_set_num_threads64_", "openblas_set_num_threads64_")
_ROW_MAJOR, _AS_IT_IS, _TRANSPOSED = 101, 111, 112
_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
_SHARED = 1 << 18  # multiplications from which BLAS would ask its own threads
_WIDTH = 16  # numbers of rows or columns that BLAS likes are multiples of it

_INT, _ENUM, _VOID = ir.IntType(64), ir.IntType(32), ir.VoidType()


class Blas(NamedTuple):
    """The addresses of functions: products by size of a number, and threads to use."""

    gemm: dict[int, int]
    set_threads: int


def matmul(a: Any, b: Any) -> Any:
    """Return `Kernels.matmul`, or None where the product is not for a team."""
    (m, k), n = a.shape, b.shape[-1]
    small = m * n * k < _SHARED
    if (small and TRACING.loops is None) or not (_match(a, b) and m * n * k):
        return None
    blas, threads = find(), 1 if small else numba_threads.team_size()
    if blas is None or (threads < 2 and TRACING.loops is None):
        return None
    turned = not a.flags.c_contiguous, not b.flags.c_contiguous
    factors = (x.T if turn else x for x, turn in zip((a, b), turned, strict=True))
    c = empty((m, n), a.dtype)
    arrays = (x.reshape(-1) for x in (*factors, c))
    rest = (blas.gemm[a.itemsize], *arrays, turned, (m, n, k))
    if threads < 2:
        single(*rest)
    else:
        before = numba_threads.thread_count()
        product(
            *(numba_threads.team(threads), threads, blas.set_threads, before), *rest
        )
    return c


def _match(a: Any, b: Any) -> bool:
    """Whether both are plain matrices of one dtype, stored by rows or by columns."""
    return (
        type(a) is type(b) is np.ndarray
        and a.dtype in _FLOATS
        and b.dtype is a.dtype
        and (a.flags.carray or a.T.flags.carray)
        and (b.flags.carray or b.T.flags.carray)
    )


@cache
def find() -> Blas | None:
    """Return NumPy's BLAS, or None if it is none that can be called here."""
    for pool in numba_threads.pools():
        library = pool.dynlib
        gemm = {
            size: _address(library, [name.format(letter) for name in _GEMM])
            for size, letter in ((4, "s"), (8, "d"))
        }
        set_threads = _address(library, _SET)
        if set_threads and all(gemm.values()):
            return Blas(gemm, set_threads)
    return None


def _address(library: Any, names: Any) -> int:
    """Return the address of the first function that is there, or 0."""
    from ctypes import c_void_p, cast

    for name in names:
        function = getattr(library, name, None)
        if function is not None:
            return cast(function, c_void_p).value or 0
    return 0


@intrinsic
def _gemm(
    context: Any,
    address: Any,
    orders: Any,
    sizes: Any,
    a: Any,
    b: Any,
    c: Any,
    strides: Any,
) -> Any:
    """Call gemm; a, b and c are (array, first element)."""

    def write(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kinds = signature.args
        number = context.get_value_type(kinds[3][0].dtype)
        orders, sizes, strides = (
            [builder.extract_value(value, i) for i in range(count)]
            for value, count in ((values[1], 2), (values[2], 3), (values[6], 3))
        )
        places = []
        for kind, value in zip(kinds[3:6], values[3:6], strict=True):
            array = context.make_array(kind[0])(
                context, builder, builder.extract_value(value, 0)
            )
            places.append(builder.gep(array.data, [builder.extract_value(value, 1)]))
        pointer = number.as_pointer()
        arguments = [
            _ENUM(_ROW_MAJOR),
            *(builder.trunc(order, _ENUM) for order in orders),
            *sizes,
            number(1.0),
            *(places[0], strides[0], places[1], strides[1]),
            number(0.0),
            *(places[2], strides[2]),
        ]
        kind = ir.FunctionType(
            _VOID,
            [
                *[_ENUM] * 3,
                *[_INT] * 3,
                number,
                *[pointer, _INT] * 2,
                number,
                *(pointer, _INT),
            ],
        )
        builder.call(builder.inttoptr(values[0], kind.as_pointer()), arguments)
        return context.get_dummy_value()

    return types.void(address, orders, sizes, a, b, c, strides), write


@intrinsic
def _set_threads(context: Any, address: Any, count: Any) -> Any:
    """Tell BLAS how many threads to use."""

    def write(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind = ir.FunctionType(_VOID, [_ENUM])
        function = builder.inttoptr(values[0], kind.as_pointer())
        builder.call(function, [builder.trunc(values[1], _ENUM)])
        return context.get_dummy_value()

    return types.void(address, count), write


@kernel
def product(
    team: Any,
    threads: int,
    set_threads: int,
    before: int,
    gemm: int,
    a: Any,
    b: Any,
    c: Any,
    turned: Any,
    sizes: Any,
) -> None:
    """Store the product c (m, n) of a (m, k) and b (k, n), not empty.

    Arrays are flat; `turned` says whether a and whether b is stored by columns, `sizes`
    is (m, n, k). A team of `threads` shares the work; BLAS has one meanwhile, and then
    as many as before. The addresses of its functions are those that `find` returns.
    """
    m, n, _ = sizes
    size = max(m, n)
    grain = (size + threads - 1) // threads
    grain = (grain + _WIDTH - 1) // _WIDTH * _WIDTH
    _set_threads(set_threads, 1)
    fork(team, _part, (), (gemm, a, b, c, turned, sizes, grain), size, grain)
    _set_threads(set_threads, before)


@kernel
def single(gemm: int, a: Any, b: Any, c: Any, turned: Any, sizes: Any) -> None:
    """Store the same product, with BLAS as it is."""
    _part(0, gemm, a, b, c, turned, sizes, max(sizes[0], sizes[1]))


@inner
def _part(
    start: int,
    gemm: int,
    a: Any,
    b: Any,
    c: Any,
    turned: Any,
    sizes: Any,
    grain: int,
) -> None:
    m, n, k = sizes
    a_step, b_step = m if turned[0] else k, k if turned[1] else n
    a_at = b_at = c_at = 0
    if m >= n:
        m = min(grain, m - start)
        a_at, c_at = start * (1 if turned[0] else k), start * n
        c_step = n
    else:
        c_step, n = n, min(grain, n - start)
        b_at, c_at = start * (k if turned[1] else 1), start
    orders = (
        _TRANSPOSED if turned[0] else _AS_IT_IS,
        _TRANSPOSED if turned[1] else _AS_IT_IS,
    )
    _gemm(
        gemm,
        orders,
        (m, n, k),
        (a, a_at),
        (b, b_at),
        (c, c_at),
        (a_step, b_step, c_step),
    )
