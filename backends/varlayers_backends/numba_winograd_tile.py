"""The transforms of Winograd's algorithm, a vector of channels at a time, as LLVM IR.

    inputs    V = Bᵀ d B     from 4 x 4 entries d to 16 products' first factors
    outputs   y = Aᵀ M A     from 16 products M to 2 x 2 outputs
    grads     Z = A dy Aᵀ    from 2 x 2 gradients to 16 second factors

    Bᵀ = [1  0 -1  0]      Aᵀ = [1 1  1  0]
         [0  1  1  0]           [0 1 -1 -1]
         [0 -1  1  0]
         [0  1  0 -1]

Arrays are flat. An entry (i, j) lies at `at + i row + j column`, product p at
`at + p step`. LLVM would not make vectors of the loops, with their sixteen streams.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from varlayers_backends.numba_tile import lanes_of

__all__ = ["grads", "inputs", "outputs"]


class _Writer:
    """Writes the transform of one vector: what it reads, adds and stores."""

    def __init__(self, context: Any, builder: Any, kind: Any) -> None:
        self.context, self.builder = context, builder
        number = context.get_value_type(kind.dtype)
        self.size = 4 if isinstance(number, ir.FloatType) else 8
        self.vector = ir.VectorType(number, lanes_of(np.dtype(f"f{self.size}")))

    def place(self, kind: Any, array: Any, at: Any) -> Any:
        data = self.context.make_array(kind)(self.context, self.builder, array).data
        pointer = self.builder.gep(data, [at])
        return self.builder.bitcast(pointer, self.vector.as_pointer())

    def at(self, start: Any, *moves: tuple[int, Any]) -> Any:
        """Return start + Σ count step."""
        for count, step in moves:
            far = self.builder.mul(ir.Constant(step.type, count), step)
            start = self.builder.add(start, far)
        return start

    def load(self, kind: Any, array: Any, at: Any) -> Any:
        return self.builder.load(self.place(kind, array, at), align=self.size)

    def store(self, value: Any, kind: Any, array: Any, at: Any) -> None:
        self.builder.store(value, self.place(kind, array, at), align=self.size)

    def add(self, x: Any, y: Any) -> Any:
        return self.builder.fadd(x, y)

    def sub(self, x: Any, y: Any) -> Any:
        return self.builder.fsub(x, y)


def _both_ways(table: list[list[Any]], transform: Callable[[list[Any]], Any]) -> Any:
    """Return a table with its columns transformed, and then its rows."""
    columns = [transform(list(column)) for column in zip(*table, strict=True)]
    return [transform(list(row)) for row in zip(*columns, strict=True)]


def _factors(size: int, transform: Callable[..., list[Any]]) -> Any:
    """Return what stores the 16 factors of size x size entries.

    Its arguments are the entries x, at, row, column, and the factors, to, step.
    """

    def write(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        x, at, row, column, made, to, step = values
        kind, made_kind = signature.args[0], signature.args[4]
        w = _Writer(context, builder, kind)
        table = [
            [w.load(kind, x, w.at(at, (i, row), (j, column))) for j in range(size)]
            for i in range(size)
        ]
        factors = _both_ways(table, lambda d: transform(w, d))
        for p, value in enumerate(factor for line in factors for factor in line):
            w.store(value, made_kind, made, w.at(to, (p, step)))
        return context.get_dummy_value()

    def typed(
        context: Any,
        x: Any,
        at: Any,
        row: Any,
        column: Any,
        made: Any,
        to: Any,
        step: Any,
    ) -> Any:
        return types.void(x, *[types.intp] * 3, made, *[types.intp] * 2), write

    return intrinsic(typed)


def _of_inputs(w: _Writer, d: list[Any]) -> list[Any]:
    """Return Bᵀ d."""
    first, second = w.sub(d[0], d[2]), w.add(d[1], d[2])
    return [first, second, w.sub(d[2], d[1]), w.sub(d[1], d[3])]


def _of_grads(w: _Writer, d: list[Any]) -> list[Any]:
    """Return A d."""
    zero = ir.Constant(w.vector, None)
    return [d[0], w.add(d[0], d[1]), w.sub(d[0], d[1]), w.sub(zero, d[1])]


inputs, grads = _factors(4, _of_inputs), _factors(2, _of_grads)


@intrinsic
def outputs(
    context: Any,
    m: Any,
    at: Any,
    step: Any,
    y: Any,
    to: Any,
    row: Any,
    column: Any,
    down: Any,
    right: Any,
) -> Any:
    """Store y of the 16 products, but only `down` rows and `right` columns of it."""

    def write(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        m_, at_, step_, y_, to_, row_, column_, down_, right_ = values
        w = _Writer(context, builder, signature.args[0])

        def transform(p: list[Any]) -> list[Any]:
            return [
                w.add(w.add(p[0], p[1]), p[2]),
                w.sub(w.sub(p[1], p[2]), p[3]),
            ]

        table = [
            [
                w.load(signature.args[0], m_, w.at(at_, (4 * i + j, step_)))
                for j in range(4)
            ]
            for i in range(4)
        ]
        for i, made in enumerate(_both_ways(table, transform)):
            for j, value in enumerate(made):
                inside = builder.and_(
                    builder.icmp_signed(">", down_, ir.Constant(down_.type, i)),
                    builder.icmp_signed(">", right_, ir.Constant(right_.type, j)),
                )
                with builder.if_then(inside, likely=True):
                    place = w.at(to_, (i, row_), (j, column_))
                    w.store(value, signature.args[3], y_, place)
        return context.get_dummy_value()

    number = types.intp
    return types.void(m, number, number, y, *[number] * 5), write
