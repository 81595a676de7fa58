"""A small matrix product that stays in the processor's registers, written as LLVM IR.

    C[t] = Σ_r Σ_k A[r, t, k] B[r, k]      t < height; C[t], B[r, k]: 1 or 2 vectors

The sums live in registers over all runs r and all k < n, at least one of each, and are
stored, or added to what is there, once. numba would keep an array of sums in memory,
hence the IR. A, B and C are parts of flat arrays, so what overlaps needs no copy:

    rows       A[r, t, k] = a[at + runs[r] + t step + k]
    columns    A[r, t, k] = a[at + runs[r] + k step + t]
    both       B[r, k]    = b[at + (r n + k) step]      C[t] = c[at + t step]

With 0 vectors, `rows` gives Σ_r Σ_k A[r, t, k] · B[r, k], for results too few to fill a
vector: there A[r, t, k] and B[r, k] are one vector each, and C[t] is a number.

A vector has as many numbers as a register of the processor. `HEIGHT` is the height of
the tallest tile whose sums are registers.

Reference: Georganas et al. (2018), "Anatomy of high-performance deep learning
convolutions on SIMD architectures".
"""

from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["HEIGHT", "columns", "lanes_of", "rows"]

_GROUP = 4  # rows that share a pointer, from which they are 0 to 3 steps away
_CONTRACT = ("contract",)  # a multiplication and an addition may be one operation
_INT, _BYTE = ir.IntType(64), ir.IntType(8)


def _has(feature: str) -> bool:
    """Whether numba compiles for a processor with this feature."""
    if config.CPU_FEATURES is not None:
        return f"+{feature}" in config.CPU_FEATURES.split(",")
    return bool(llvm.get_host_cpu_features().get(feature, False))


_REGISTER = 64 if _has("avx512f") else 32 if _has("avx2") else 16  # bytes
_FEW = _REGISTER < 64 and llvm.get_default_triple().startswith("x86_64")
HEIGHT = 6 if _FEW else 14


def lanes_of(dtype: Any) -> int:
    """Return how many numbers of a dtype make a vector."""
    return _REGISTER // int(dtype.itemsize)


def _tile(by_rows: bool) -> Any:
    """Return the function `rows` or `columns`, for use in compiled code.

    Its arguments are the height, the number of vectors, (a, at, runs, step),
    (b, at, step), (c, at, step), n, and whether to add to c.
    """

    def write(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind = context.get_value_type(signature.args[2][0].dtype)
        arguments = _arguments(context, builder, signature, values)
        height, vectors, *_ = values
        size, end = builder.mul(height, _INT(3)), builder.append_basic_block("end")
        choice = builder.switch(builder.add(size, vectors), end)
        for rows_ in range(1, HEIGHT + 1):
            for vectors_ in (0, 1, 2) if by_rows else (1, 2):
                tile = _Tile(kind, by_rows, rows_, vectors_)
                block = builder.append_basic_block()
                choice.add_case(_INT(3 * rows_ + vectors_), block)
                with builder.goto_block(block):
                    builder.call(tile.function(builder.module), arguments)
                    builder.branch(end)
        builder.position_at_end(end)
        return context.get_dummy_value()

    def typed(
        context: Any,
        height: Any,
        vectors: Any,
        a: Any,
        b: Any,
        c: Any,
        length: Any,
        add: Any,
    ) -> Any:
        size = types.intp
        return types.void(size, size, a, b, c, size, types.boolean), write

    return intrinsic(typed)


rows, columns = _tile(by_rows=True), _tile(by_rows=False)


def _arguments(context: Any, builder: Any, signature: Any, values: Any) -> list[Any]:
    """Return what a tile is called with: pointers, and steps in bytes."""
    starts, runs, steps = [], [], []
    for kind, value in zip(signature.args[2:5], values[2:5], strict=True):
        parts = cgutils.unpack_tuple(builder, value)
        array = context.make_array(kind[0])(context, builder, parts[0])
        first = builder.gep(array.data, [parts[1]])
        starts.append(builder.bitcast(first, _BYTE.as_pointer()))
        steps.append(builder.mul(parts[-1], array.itemsize))
        if len(parts) == 4:
            offsets = context.make_array(kind[2])(context, builder, parts[2])
            runs = [offsets.data, builder.extract_value(offsets.shape, 0)]
    *_, length, add = values
    return [*starts, *runs, length, *steps, add]


class _Tile:
    """The tile of one height and width, as a function of LLVM."""

    def __init__(self, kind: Any, by_rows: bool, height: int, vectors: int) -> None:
        order = "rows" if by_rows else "columns"
        self.name = f"tile_{order}_{kind}_{height}_{vectors}"
        self.by_rows, self.height, self.vectors = by_rows, height, max(vectors, 1)
        self.dots = vectors == 0
        self.kind, self.size = kind, 4 if isinstance(kind, ir.FloatType) else 8
        self.lanes = _REGISTER // self.size
        self.vector = ir.VectorType(kind, self.lanes)

    def function(self, module: Any) -> Any:
        """Return the function, added to the module unless it is there."""
        if self.name in module.globals:
            return module.globals[self.name]
        pointers = [_BYTE.as_pointer()] * 3 + [_INT.as_pointer()]
        kind = ir.FunctionType(ir.VoidType(), [*pointers, *[_INT] * 5, ir.IntType(1)])
        function = ir.Function(module, kind, self.name)
        function.linkage = "internal"
        function.attributes.add("noinline")
        self._write(function)
        return function

    def _write(self, function: Any) -> None:
        a, b, c, runs, count, length, a_step, b_step, c_step, add = function.args
        builder = ir.IRBuilder(function.append_basic_block())

        def run(r: Any, values: list[Any]) -> list[Any]:
            """Add the products of a run."""
            start = self._moved(builder, a, builder.load(builder.gep(runs, [r])))
            bases = [start]
            for group in range(_GROUP, self.height if self.by_rows else 0, _GROUP):
                move = builder.mul(a_step, _INT(group))
                bases.append(builder.gep(start, [move]))
            following = _loop(builder, length, [*bases, *values], product)
            return following[len(bases) :]

        def product(_: Any, values: list[Any]) -> list[Any]:
            """Add the products of one k."""
            *bases, b_k = values[: -self.height * self.vectors]
            sums = self._sums(builder, bases, b_k, a_step, values[len(bases) + 1 :])
            ahead = _INT(self.size * (self.lanes if self.dots else 1))
            ahead = ahead if self.by_rows else a_step
            moved = [builder.gep(base, [ahead]) for base in bases]
            return [*moved, builder.gep(b_k, [b_step]), *sums]

        zero = ir.Constant(self.vector, None)
        zeros = [zero] * self.height * self.vectors
        _, *sums = _loop(builder, count, [b, *zeros], run)
        with builder.if_else(add) as (added, stored):
            for branch, more in ((added, True), (stored, False)):
                with branch:
                    self._store(builder, sums, c, c_step, more)
        builder.ret_void()

    def _moved(self, builder: Any, base: Any, offset: Any) -> Any:
        return builder.gep(base, [builder.mul(offset, _INT(self.size))])

    def _sums(self, builder: Any, bases: Any, b_k: Any, step: Any, sums: Any) -> Any:
        """Return the sums with A[:, k] B[k] added."""
        b = [
            builder.load(self._vector(builder, b_k, v), align=self.size)
            for v in range(self.vectors)
        ]
        result = []
        for t in range(self.height):
            if self.by_rows:
                base, away = bases[t // _GROUP], builder.mul(step, _INT(t % _GROUP))
            else:
                base, away = bases[0], _INT(t * self.size)
            spread = self._factor(builder, builder.gep(base, [away]))
            for v in range(self.vectors):
                term = builder.fmul(spread, b[v], flags=_CONTRACT)
                total = sums[t * self.vectors + v]
                result.append(builder.fadd(total, term, flags=_CONTRACT))
        return result

    def _factor(self, builder: Any, place: Any) -> Any:
        """Return the vector at a place, or one of the number there."""
        if self.dots:
            return builder.load(self._vector(builder, place, 0), align=self.size)
        place = builder.bitcast(place, self.kind.as_pointer())
        none = ir.Constant(self.vector, ir.Undefined)
        number = builder.load(place, align=self.size)
        one = builder.insert_element(none, number, ir.IntType(32)(0))
        lanes = ir.VectorType(ir.IntType(32), self.lanes)
        return builder.shuffle_vector(one, none, ir.Constant(lanes, None))

    def _vector(self, builder: Any, base: Any, index: int) -> Any:
        """Return the place of one of the vectors that begin at base."""
        place = builder.gep(base, [_INT(index * self.lanes * self.size)])
        return builder.bitcast(place, self.vector.as_pointer())

    def _store(self, builder: Any, sums: Any, c: Any, step: Any, add: bool) -> None:
        for i, total in enumerate(sums):
            t, v = divmod(i, self.vectors)
            row = builder.gep(c, [builder.mul(step, _INT(t))])
            place = self._vector(builder, row, v)
            if self.dots:
                place = builder.bitcast(row, self.kind.as_pointer())
                total = self._total(builder, total)
            if add:
                there = builder.load(place, align=self.size)
                total = builder.fadd(there, total)
            builder.store(total, place, align=self.size)

    def _total(self, builder: Any, vector: Any) -> Any:
        """Return the sum of a vector's numbers: of its halves, of their halves, ..."""
        size = self.lanes
        while size > 1:
            size //= 2
            halves = (
                builder.shuffle_vector(
                    vector,
                    vector,
                    ir.Constant(
                        ir.VectorType(ir.IntType(32), size),
                        list(range(start, start + size)),
                    ),
                )
                for start in (0, size)
            )
            vector = builder.fadd(*halves)
        return builder.extract_element(vector, ir.IntType(32)(0))


def _loop(builder: Any, count: Any, values: list[Any], body: Any) -> list[Any]:
    """Write values = body(i, values) for i < count, count >= 1; return the last."""
    before, block = builder.block, builder.append_basic_block()
    builder.branch(block)
    builder.position_at_end(block)
    variables = [builder.phi(value.type) for value in (_INT(0), *values)]
    index, *current = variables
    following = [builder.add(index, _INT(1)), *body(index, current)]
    for variable, value, then in zip(
        variables, (_INT(0), *values), following, strict=True
    ):
        variable.add_incoming(value, before)
        variable.add_incoming(then, builder.block)
    end = builder.append_basic_block()
    builder.cbranch(builder.icmp_signed("<", following[0], count), block, end)
    builder.position_at_end(end)
    return following[1:]
