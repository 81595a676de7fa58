"""What is done with traced arrays, and recorded (`numba_traced`).

Operators, elements and calls: an operation of elements is a pass where there is one for
its dtypes, another function a call. Views are nothing, and what does not depend on the
function's arguments is a constant.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from varlayers_backends.numba_tape import Call, Part, Pass, owner_of
from varlayers_backends.numba_traced import (
    VALUES,
    Traced,
    constant,
    is_constant,
    kind_of,
    leaves,
    noted,
    part_of,
    values,
)
from varlayers_backends.tracing import TRACING

__all__ = ["PASSES", "apply", "argument", "is_plain", "one_by_one", "recorded"]

PASSES = {
    function.__name__: function
    for function in (
        *(np.add, np.subtract, np.multiply, np.divide, np.negative, np.sqrt),
        *(np.equal, np.not_equal, np.less, np.less_equal, np.greater),
        *(np.greater_equal, np.logical_and, np.bitwise_and, np.where),
    )
} | {"copy": np.asarray}
_OF_SHAPES = {np.shape, np.ndim, np.size}
_DTYPES = set(map(np.dtype, "?bhilqBHILQfd"))


def argument(x: Any, *, weak: bool = False) -> Traced:
    """Return an argument of the function, an array or a number, traced."""
    TRACING.tape.add("number" if weak else "argument", x)
    return Traced(x, weak)


def apply(function: Callable[..., Any], *given: Any, **options: Any) -> Any:
    """Call a function of NumPy, and record that where it makes an array."""
    if isinstance(function, np.ufunc) and function.nout == 1 and not options:
        return _ufunc(function, given)
    result = function(*values(given), **values(options))
    found = leaves((given, options))
    if all(map(is_constant, found)) and isinstance(result, np.ndarray | np.generic):
        return constant(result)
    if type(result) in (bool, int, float) and function not in _OF_SHAPES:
        raise TypeError(VALUES)
    weak = all(x.weak for x in found)
    return recorded(function, noted(given), noted(options), result, weak=weak)


def recorded(
    function: Callable[..., Any],
    given: Any,
    options: Any,
    result: Any,
    *,
    weak: bool = False,
    always: bool = False,
) -> Any:
    """Return what a call returned, traced, and record it.

    Views are not recorded, unless `always` says that the call changes its arguments.
    """
    tape, several = TRACING.tape, isinstance(result, tuple | list)
    results = tuple(result) if several else (result,)
    is_array = [isinstance(x, np.ndarray | np.generic) for x in results]
    if not any(is_array):
        return result
    parts: list[Part | None] = []
    made: list[Any] = []
    new = always
    for x, array in zip(results, is_array, strict=True):
        if array and (not isinstance(x, np.ndarray) or _is_shared(x, made)):
            x = np.array(x)
        if array and not tape.knows(x):
            new = True
            tape.add("result", x)
        parts.append(tape.part(x) if array else None)
        made.append(Traced(x, weak) if array else x)
    if new:
        tape.operations.append(Call(function, given, options, tuple(parts)))
    if hasattr(result, "_fields"):
        return type(result)(*made)
    return type(result)(made) if several else made[0]


def _is_shared(x: Any, others: list[Any]) -> bool:
    """Whether x lies in the memory of another result of its call."""
    return any(
        isinstance(other, Traced) and owner_of(x) is owner_of(other.value)
        for other in others
    )


def _ufunc(function: Any, given: tuple[Any, ...]) -> Any:
    """Record a function of elements: as a pass, if there is one."""
    kinds = tuple(map(kind_of, given))
    weak = all(isinstance(kind, type) for kind in kinds)
    if weak:  # numbers among themselves
        kinds = tuple(np.dtype(kind) for kind in kinds)
    dtypes = function.resolve_dtypes((*kinds, None))
    name = function.__name__
    if name == "logical_and":  # of what is not 0
        dtypes = (np.dtype(bool),) * 3
    if all(map(is_constant, leaves(given))):
        return constant(function(*values(given)))
    if name in PASSES and dtypes[0] == dtypes[-2] and is_plain(given, dtypes):
        return one_by_one(name, given, dtypes[:-1], dtypes[-1], weak=weak)
    return recorded(function, noted(given), {}, function(*values(given)), weak=weak)


def is_plain(given: Any, dtypes: Any) -> bool:
    """Whether a pass can convert what is given to `dtypes`, the result's last.

    NumPy looks whether a number fits into an array's small integers.
    """
    plain: bool = _DTYPES.issuperset(dtypes) and all(
        x.dtype in _DTYPES and not (x.weak and dtype.kind in "iu" and dtype != np.int64)
        for x, dtype in zip(given, dtypes, strict=False)
        if isinstance(x, Traced)
    )
    return plain


def one_by_one(
    name: str, given: Any, dtypes: Any, dtype: Any, *, weak: bool = False
) -> Traced:
    """Record an elementwise operation: what it is given is converted to `dtypes`."""
    tape = TRACING.tape
    inputs = [
        x if isinstance(x, Traced) else constant(np.array(x, kind))
        for x, kind in zip(given, dtypes, strict=True)
    ]
    parts = tuple(map(part_of, inputs))
    arrays = [x.value for x in inputs]
    out = tape.empty(np.broadcast_shapes(*(x.shape for x in arrays)), dtype)
    out[...] = PASSES[name](*arrays)
    tape.operations.append(Pass(name, parts, tape.part(out), tuple(dtypes)))
    return Traced(out, weak)


# ---- operators ----------------------------------------------------------------------


def _item(x: Any, index: Any) -> Any:
    return x[index]


def _operator(function: Any, *, turned: bool = False) -> Any:
    def operator(self: Traced, *other: Any) -> Any:
        return apply(function, *((*other, self) if turned else (self, *other)))

    return operator


_TWO_SIDED = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "truediv": np.divide,
    "floordiv": np.floor_divide,
    "mod": np.remainder,
    "pow": np.power,
    "matmul": np.matmul,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
    "lshift": np.left_shift,
    "rshift": np.right_shift,
}
_OTHERS = {
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "neg": np.negative,
    "pos": np.positive,
    "abs": np.abs,
    "invert": np.invert,
}


def _indexed(self: Traced, index: Any) -> Any:
    if any(x.dtype == bool for x in leaves(index)):  # how many are true?
        raise TypeError(VALUES)
    return apply(_item, self, index)


_METHODS = {
    "getitem": _indexed,
    **{name: _operator(function) for name, function in (_TWO_SIDED | _OTHERS).items()},
    **{f"r{name}": _operator(f, turned=True) for name, f in _TWO_SIDED.items()},
}
for _name, _method in _METHODS.items():
    setattr(Traced, f"__{_name}__", _method)
