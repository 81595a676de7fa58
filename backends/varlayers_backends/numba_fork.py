"""Parts of a compiled loop on several threads, shared out by compiled code alone.

`fork` cuts the numbers below `size` into parts of `grain` and calls a compiled task for
each of them. The caller takes parts from the front; helpers, which stand in `serve`,
take parts from the back, so that of two threads each keeps to its half and what that
holds stays in its cache. Nobody waits for a helper that has not begun. Neither side
needs the interpreter or its lock, and what is shared out does not depend on the number
of threads.

A team is an array of words that its threads read and write, each word of much use in a
line of the cache of its own:

    _OPEN     parts that are left: the next from the front, and the end of those
    _DONE     parts that are made
    _FAILED   parts that failed
    _TASK...  function, arguments, size and grain of the call that is made now
    _TAKEN    1 while a call is made; another one meanwhile is made by its caller alone
    AWAKE     helpers that look for parts

Helpers look without rest, and leave the processor to whoever wants it. A loop finds
them ready, which pays only where no other library's threads do the same: those of BLAS
have to rest meanwhile.
"""

import os
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing import signature
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

from varlayers_backends.numba_math import inner, kernel

__all__ = ["AWAKE", "fork", "is_team", "make_team", "serve"]

_OPEN, _DONE, _FAILED, _TAKEN, AWAKE = 0, 8, 9, 16, 24
_TASK, _ARGUMENTS, _SIZE, _GRAIN = 32, 33, 34, 35
_WORDS, _LINE = 40, 8
_FRONT, _END = 1 << 32, (1 << 32) - 1  # of the two halves of _OPEN
_LOOKS = 16  # at _OPEN before a helper offers the processor to others

_INT, _BYTE = ir.IntType(64), ir.IntType(8)
_CALLED = ir.FunctionType(_INT, [_BYTE.as_pointer(), _INT, _INT])
_MADE: list[Any] = []  # teams, as long as the process lives


def make_team(*, alone: bool = False) -> Any:
    """Return a team without helpers; if `alone`, one that never asks for any."""
    words = np.zeros(_WORDS + _LINE, np.int64)
    ahead = -(words.ctypes.data // words.itemsize) % _LINE
    team = words[ahead : ahead + _WORDS]
    team[_TAKEN] = alone
    _MADE.append(team)
    return team


def is_team(x: Any) -> bool:
    """Whether an array is the words of a team."""
    return any(x is team for team in _MADE)


# ---- what several threads may do at a time ---------------------------------------


def _word(context: Any, builder: Any, kind: Any, team: Any, index: Any) -> Any:
    array = context.make_array(kind)(context, builder, team)
    return builder.gep(array.data, [index])


@intrinsic
def _load(context: Any, team: Any, index: Any) -> Any:
    """Return a word, and see all that was written before it."""

    def write(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        word = _word(context, builder, signature.args[0], *values)
        return builder.load_atomic(word, "acquire", 8)

    return types.int64(team, types.intp), write


@intrinsic
def _store(context: Any, team: Any, index: Any, value: Any) -> Any:
    """Store a word, for others to see with all that was written before it."""

    def write(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        word = _word(context, builder, signature.args[0], *values[:2])
        builder.store_atomic(values[2], word, "release", 8)
        return context.get_dummy_value()

    return types.void(team, types.intp, types.int64), write


@intrinsic
def _add(context: Any, team: Any, index: Any, value: Any) -> Any:
    """Add to a word."""

    def write(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        word = _word(context, builder, signature.args[0], *values[:2])
        return builder.atomic_rmw("add", word, values[2], "acq_rel")

    return types.int64(team, types.intp, types.int64), write


@intrinsic
def _exchange(context: Any, team: Any, index: Any, old: Any, new: Any) -> Any:
    """Store a word if it still has the old value; return whether it had."""

    def write(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        word = _word(context, builder, signature.args[0], *values[:2])
        both = builder.cmpxchg(word, *values[2:], "acq_rel", "acquire")
        return builder.extract_value(both, 1)

    number = types.int64
    return types.boolean(team, types.intp, number, number), write


@intrinsic
def _rest(context: Any) -> Any:
    """Wait a moment, the less busy the better."""

    def write(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        if llvm.get_default_triple().startswith(("x86_64", "i686")):
            kind = ir.FunctionType(ir.VoidType(), [])
            name = "llvm.x86.sse2.pause"
            builder.call(cgutils.get_or_insert_function(builder.module, kind, name), [])
        return context.get_dummy_value()

    return types.void(), write


@intrinsic
def _give_way(context: Any) -> Any:
    """Let another thread have the processor, if one wants it."""

    def write(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        if os.name == "posix":  # elsewhere there are no helpers
            kind, name = ir.FunctionType(ir.IntType(32), []), "sched_yield"
            builder.call(cgutils.get_or_insert_function(builder.module, kind, name), [])
        return context.get_dummy_value()

    return types.void(), write


@intrinsic
def _call(context: Any, task: Any, arguments: Any, start: Any, stop: Any) -> Any:
    """Call the function at an address; return whether it failed."""

    def write(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        function = builder.inttoptr(values[0], _CALLED.as_pointer())
        pointer = builder.inttoptr(values[1], _BYTE.as_pointer())
        return builder.call(function, [pointer, *values[2:]])

    return types.int64(*[types.int64] * 4), write


# ---- the two sides ---------------------------------------------------------------


@inner
def _take(team: Any, in_front: bool) -> bool:
    """Make a part that is left; return False if there is none."""
    left = _load(team, _OPEN)
    front, end = left // _FRONT, left & _END
    if front >= end:
        return False
    index, fewer = (front, left + _FRONT) if in_front else (end - 1, left - 1)
    if _exchange(team, _OPEN, left, fewer):
        start = index * team[_GRAIN]
        stop = min(start + team[_GRAIN], team[_SIZE])
        if _call(team[_TASK], team[_ARGUMENTS], start, stop):
            _add(team, _FAILED, 1)
        _add(team, _DONE, 1)
    return True


@kernel
def serve(team: Any, looks: int) -> None:
    """Make parts as a helper, until there were none `looks` times one after another."""
    _add(team, AWAKE, 1)
    left = looks
    while left > 0:
        if _take(team, False):
            left = looks
        else:
            left -= 1
            _rest()
            if left % _LOOKS == 0:
                _give_way()
    _add(team, AWAKE, -1)


@inner
def _lead(team: Any, task: int, arguments: int, size: int, grain: int) -> bool:
    """Have all parts made; return whether one failed."""
    count = (size + grain - 1) // grain
    if count < 2 or not _exchange(team, _TAKEN, 0, 1):
        failed = False
        for start in range(0, size, grain):
            failed |= _call(task, arguments, start, min(start + grain, size)) != 0
        return failed
    team[_TASK], team[_ARGUMENTS] = task, arguments
    team[_SIZE], team[_GRAIN] = size, grain
    team[_DONE], team[_FAILED] = 0, 0
    _store(team, _OPEN, count)
    while _take(team, True):
        pass
    looks = 0
    while _load(team, _DONE) < count:
        looks += 1
        _rest()
        if looks % _LOOKS == 0:
            _give_way()
    failed = team[_FAILED] > 0
    _store(team, _TAKEN, 0)
    return failed


@intrinsic
def fork(
    context: Any, team: Any, task: Any, arrays: Any, rest: Any, size: Any, grain: Any
) -> Any:
    """Call task(start, *parts of arrays, *rest) for the parts of range(size).

    A part begins at `start` and has `grain` numbers, the last one what is left.
    Contiguous arrays are cut along their first axis; what is in `rest` goes whole.
    Returns when all are made, with True if one raised. For use in compiled code; the
    task is a compiled function that returns nothing, and any thread may call it.
    """
    called = task.get_call_type(context, (types.int64, *arrays, *rest), {})
    compiled = task.dispatcher.get_compile_result(called)  # by the task's own options
    arguments = types.Tuple((*arrays, *rest))

    def write(context: Any, builder: Any, signature_: Any, values: Any) -> Any:
        team_, _, *both, size_, grain_ = values
        context.active_code_library.add_linking_library(compiled.library)
        whole = [
            part for value in both for part in cgutils.unpack_tuple(builder, value)
        ]
        packed = context.make_tuple(builder, arguments, whole)
        function = _part(context, builder.module, compiled, called, packed.type, arrays)
        place = cgutils.alloca_once_value(builder, packed)
        numbers = (builder.ptrtoint(function, _INT), builder.ptrtoint(place, _INT))
        return context.compile_internal(
            builder,
            lambda team, task, place, size, grain: _lead(
                team, task, place, size, grain
            ),
            signature(types.boolean, team, *[types.int64] * 4),
            [team_, *numbers, size_, grain_],
        )

    return types.boolean(team, task, arrays, rest, types.int64, types.int64), write


def _part(
    context: Any, module: Any, compiled: Any, called: Any, packed: Any, arrays: Any
) -> Any:
    """Return the function that makes a part, given where the arguments are packed."""
    function = ir.Function(module, _CALLED, module.get_unique_name("part"))
    function.linkage = "internal"
    builder = ir.IRBuilder(function.append_basic_block())
    place, start, stop = function.args
    values = builder.load(builder.bitcast(place, packed.as_pointer()))
    values = cgutils.unpack_tuple(builder, values)
    for i, kind in enumerate(arrays):
        values[i] = _cut(context, builder, kind, values[i], start, stop)
    status, _ = context.call_internal_no_propagate(
        builder, compiled.fndesc, called, [start, *values]
    )
    builder.ret(builder.zext(status.is_error, _INT))
    return function


def _cut(
    context: Any, builder: Any, kind: Any, value: Any, start: Any, stop: Any
) -> Any:
    """Return value[start:stop]."""
    whole = context.make_array(kind)(context, builder, value)
    part = context.make_array(kind)(context, builder)
    (_, *shape), strides = (
        cgutils.unpack_tuple(builder, numbers)
        for numbers in (whole.shape, whole.strides)
    )
    first = cgutils.pointer_add(builder, whole.data, builder.mul(start, strides[0]))
    populate_array(
        part,
        data=builder.bitcast(first, whole.data.type),
        shape=[builder.sub(stop, start), *shape],
        strides=strides,
        itemsize=whole.itemsize,
        meminfo=whole.meminfo,
        parent=whole.parent,
    )
    return part._getvalue()
