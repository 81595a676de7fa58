"""Arrays that stand in for NumPy's while a function is written on a tape.

A `Traced` holds the array of the run that is traced; whatever is done with it is done
with that array, and recorded. Operators are here, `numba_namespace` has the functions
and `numba_traced_kernels` the kernels.

A number that Python hands to the function is traced too: it is `weak`, an array of no
dimensions that takes the dtype of what it meets, as Python's numbers do.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from varlayers_backends.numba_tape import Call, Number, Part, Pass, mapped, owner_of
from varlayers_backends.tracing import TRACING

__all__ = [
    "Traced",
    "apply",
    "argument",
    "constant",
    "is_constant",
    "is_plain",
    "kind_of",
    "noted",
    "number_of",
    "one_by_one",
    "part_of",
    "recorded",
    "values",
]

_PASSES = {
    function.__name__: function
    for function in (
        *(np.add, np.subtract, np.multiply, np.divide, np.negative, np.sqrt),
        *(np.equal, np.not_equal, np.less, np.less_equal, np.greater),
        *(np.greater_equal, np.logical_and, np.bitwise_and, np.where),
    )
} | {"copy": np.asarray}
_OF_SHAPES = {np.shape, np.ndim, np.size}
_DTYPES = set(map(np.dtype, "?bhilqBHILQfd"))
_VALUES = "A traced function cannot depend on the values of its arrays."


class Traced:
    """An array on the tape.

    Args:
        value: the array of the run that is traced.
        weak: whether it is a number of Python's.
        lasting: whether it is a constant that another tape may meet.
    """

    __slots__ = ("lasting", "value", "weak")
    __array_ufunc__ = None  # NumPy's arrays leave operators to it
    __hash__ = None  # type: ignore[assignment]  # a table would depend on its value

    def __init__(self, value: Any, weak: bool = False, lasting: bool = False) -> None:
        self.value, self.weak, self.lasting = value, weak, lasting

    def __repr__(self) -> str:
        return f"Traced(shape={self.shape}, dtype={self.dtype})"

    def __array_namespace__(self, api_version: str | None = None) -> Any:
        from varlayers_backends.numba_namespace import NAMESPACE

        return NAMESPACE

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        msg = "A traced function cannot hand its arrays to NumPy. Use k.xp."
        raise TypeError(msg)

    def __bool__(self) -> bool:
        raise TypeError(_VALUES)

    def __len__(self) -> int:
        return len(self.value)

    def __getitem__(self, index: Any) -> Any:
        if any(x.dtype == bool for x in _leaves(index)):  # how many are true?
            raise TypeError(_VALUES)
        return apply(_item, self, index)

    @property
    def shape(self) -> Any:
        return self.value.shape

    @property
    def dtype(self) -> Any:
        return self.value.dtype

    @property
    def ndim(self) -> int:
        return int(self.value.ndim)

    @property
    def size(self) -> int:
        return int(self.value.size)

    @property
    def device(self) -> str:
        return "cpu"

    @property
    def T(self) -> "Traced":
        return Traced(self.value.T, lasting=self.lasting)

    @property
    def mT(self) -> "Traced":
        return Traced(self.value.mT, lasting=self.lasting)


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
for _name, _function in (_TWO_SIDED | _OTHERS).items():
    setattr(Traced, f"__{_name}__", _operator(_function))
for _name, _function in _TWO_SIDED.items():
    setattr(Traced, f"__r{_name}__", _operator(_function, turned=True))


# ---- what is recorded --------------------------------------------------------------


def argument(x: Any, *, weak: bool = False) -> Traced:
    """Return an argument of the function, an array or a number, traced."""
    TRACING.tape.add("number" if weak else "argument", x)
    return Traced(x, weak)


def constant(value: Any) -> Traced:
    """Return an array that is the same in every run."""
    return Traced(np.array(value), lasting=True)


def apply(function: Callable[..., Any], *given: Any, **options: Any) -> Any:
    """Call a function of NumPy, and record that where it makes an array."""
    if isinstance(function, np.ufunc) and function.nout == 1 and not options:
        return _ufunc(function, given)
    result = function(*values(given), **values(options))
    found = _leaves((given, options))
    if all(map(is_constant, found)) and isinstance(result, np.ndarray | np.generic):
        return constant(result)
    if type(result) in (bool, int, float) and function not in _OF_SHAPES:
        raise TypeError(_VALUES)
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
    if all(map(is_constant, _leaves(given))):
        return constant(function(*values(given)))
    if name in _PASSES and dtypes[0] == dtypes[-2] and is_plain(given, dtypes):
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
    out[...] = _PASSES[name](*arrays)
    tape.operations.append(Pass(name, parts, tape.part(out), tuple(dtypes)))
    return Traced(out, weak)


# ---- what is given -----------------------------------------------------------------


def kind_of(x: Any) -> Any:
    """Return the dtype of an array, the type of a number."""
    if isinstance(x, Traced) and x.weak:
        return type(x.value.item())
    if type(x) in (int, float):
        return type(x)
    return x.dtype if hasattr(x, "dtype") else np.asarray(x).dtype


def part_of(x: Traced) -> Part:
    """Return where x lies.

    Raises:
        Unknown: if x belongs to another tape.
    """
    if x.lasting and not TRACING.tape.knows(x.value):
        TRACING.tape.add("constant", x.value)
    part: Part = TRACING.tape.part(x.value)
    return part


def is_constant(x: Traced) -> bool:
    """Whether x is the same in every run."""
    return bool(TRACING.tape.bases[part_of(x).base].kind == "constant")


def values(given: Any) -> Any:
    """Return a tree with the arrays and numbers of this run."""
    return mapped(given, Traced, lambda x: x.value.item() if x.weak else x.value)


def noted(given: Any) -> Any:
    """Return a tree with parts and numbers."""
    return mapped(given, Traced, lambda x: number_of(x) if x.weak else part_of(x))


def number_of(x: Traced) -> Number:
    """Return a number as a compiled loop is given it."""
    return Number(part_of(x), x.value.item())


def _leaves(given: Any) -> list[Traced]:
    found: list[Traced] = []
    mapped(given, Traced, found.append)
    return found
