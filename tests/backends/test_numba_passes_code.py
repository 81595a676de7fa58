"""Every elementwise pass: its code, and its numbers against NumPy's on other data."""

import operator

import numpy as np
import pytest

pytest.importorskip("numba")

from support.replays import check_replay, replay_of

from varlayers.dispatch import kernels_for
from varlayers_backends.numba_operations import PASSES
from varlayers_backends.numba_passes_code import Passes, result_of
from varlayers_backends.numba_tape import Pass, Tape


def code_of(name, *dtypes):
    lines = []

    def let(code):
        lines.append(code)
        return f"%{len(lines)}"

    values = [f"%{letter}" for letter in "abc"[: len(dtypes)]]
    operation = Pass(name, (), None, tuple(map(np.dtype, dtypes)))
    return lines, result_of(operation, values, let)


@pytest.mark.parametrize(
    ("name", "dtypes", "line"),
    [
        ("add", ["f4"] * 2, "fadd float %a, %b"),
        ("add", ["u1"] * 2, "add i8 %a, %b"),
        ("add", ["?"] * 2, "or i8 %a, %b"),
        ("multiply", ["?"] * 2, "mul i8 %a, %b"),
        ("divide", ["f8"] * 2, "fdiv double %a, %b"),
        ("negative", ["f4"], "fneg float %a"),
        ("negative", ["i8"], "sub i64 0, %a"),
        ("sqrt", ["f8"], "call double @llvm.sqrt.f64(double %a)"),
        ("bitwise_and", ["u4"] * 2, "and i32 %a, %b"),
    ],
)
def test_line(name, dtypes, line):
    assert code_of(name, *dtypes) == ([line], "%1")


@pytest.mark.parametrize(
    ("dtype", "compare"),
    [
        ("f4", "fcmp olt float"),
        ("i4", "icmp slt i32"),
        ("u4", "icmp ult i32"),
        ("?", "icmp ult i8"),
    ],
)
def test_comparison_is_stored_as_a_byte(dtype, compare):
    lines, result = code_of("less", dtype, dtype)
    assert lines == [f"{compare} %a, %b", "zext i1 %1 to i8"]
    assert result == "%2"


def test_nan_differs_from_all():
    assert code_of("not_equal", "f8", "f8")[0][0].startswith("fcmp une")
    assert code_of("equal", "f8", "f8")[0][0].startswith("fcmp oeq")


@pytest.mark.parametrize(
    ("dtype", "kind"), [("f4", "float"), ("u1", "i8"), ("f8", "double")]
)
def test_choice_is_between_values_of_a_kind(dtype, kind):
    lines, _ = code_of("where", "?", dtype, dtype)
    assert lines == ["trunc i8 %a to i1", f"select i1 %1, {kind} %b, {kind} %c"]


def test_copy_is_no_code():
    assert code_of("copy", "f4") == ([], "%a")


@pytest.mark.parametrize("name", PASSES)
def test_every_pass_has_code(name):
    dtypes = ["?", "f4", "f4"] if name == "where" else ["f4", "f4"]
    if name.endswith("_and"):
        dtypes = ["?"] * 2
    assert code_of(name, *dtypes[: 1 if name in ("copy", "sqrt", "negative") else 3])[1]


# ---- against NumPy ---------------------------------------------------------------

DTYPES = ("float32", "float64", "int32", "int64", "uint8", "uint32", "bool")
SPECIAL = (np.nan, np.inf, -np.inf, 0.0, -0.0)
SHAPES = (
    ((3, 4), (3, 4)),
    ((3, 4), (4,)),
    ((2, 1, 4), (3, 1)),
    ((), (5,)),
    ((), ()),
    ((0, 3), (3,)),
    ((70, 33), (70, 33)),
)


def drawn(shape, dtype, seed):
    """Return numbers of a dtype; floating-point ones with NaN and infinities."""
    rng = np.random.default_rng(seed)
    kind = np.dtype(dtype).kind
    if kind in "fc":
        x = np.asarray(rng.standard_normal(shape), dtype)
        flat = x.reshape(-1)
        for at, value in enumerate(SPECIAL):
            flat[at + 3 :: 11] = value
        return x
    low, high = {"b": (0, 2), "u": (0, 200), "i": (-100, 100)}[kind]
    return rng.integers(low, high, shape).astype(dtype)


def twice(shapes, dtypes):
    """Return the arrays to trace with, and others of the same kind."""
    return [
        [
            drawn(*kind, seed + i)
            for i, kind in enumerate(zip(shapes, dtypes, strict=True))
        ]
        for seed in (0, 10)
    ]


def takes(function, *dtypes):
    """Whether NumPy has the function for these dtypes."""
    try:
        function(*(np.ones(1, dtype) for dtype in dtypes))
    except TypeError:
        return False
    return True


BINARY = sorted(PASSES.keys() - {"negative", "sqrt", "where", "copy"})
PYTHON = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "equal": operator.eq,
    "not_equal": operator.ne,
    "less": operator.lt,
    "less_equal": operator.le,
    "greater": operator.gt,
    "greater_equal": operator.ge,
    "bitwise_and": operator.and_,
}


def in_namespace(name):
    return lambda *x: getattr(kernels_for(x[0]).xp, name)(*x)


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("dtype", DTYPES)
def test_pass_of_two_arrays(name, dtype):
    function = PASSES[name]
    if not takes(function, dtype, dtype):
        with pytest.raises(TypeError, match=name):
            replay_of(in_namespace(name))[0](*twice([(2,)] * 2, [dtype] * 2)[0])
        return
    for shapes in SHAPES:
        check_replay(in_namespace(name), function, *twice(shapes, [dtype] * 2))


@pytest.mark.parametrize("name", PYTHON)
def test_operator_is_its_pass(name):
    dtype = "int32" if name == "bitwise_and" else "float32"
    first, second = twice([(3, 4)] * 2, [dtype] * 2)
    check_replay(PYTHON[name], PASSES[name], first, second)


@pytest.mark.parametrize(
    "dtypes",
    [
        ("float32", "float64"),
        ("int32", "float32"),
        ("uint8", "int32"),
        ("bool", "float32"),
        ("bool", "int64"),
        ("uint32", "int64"),
        ("int64", "uint64"),
        ("uint64", "int64"),
        ("float16", "float32"),
    ],
)
@pytest.mark.parametrize(
    "name", ["add", "divide", "less", "not_equal", "greater_equal"]
)
def test_pass_of_two_dtypes(name, dtypes):
    first, second = twice([(3, 50)] * 2, dtypes)
    check_replay(in_namespace(name), PASSES[name], first, second)


@pytest.mark.parametrize("name", ["negative", "sqrt"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_pass_of_one_array(name, dtype):
    function = PASSES[name]
    # NumPy's root of an integer of one byte is a float16: a call.
    for shape in ((), (0,), (7,), (3, 50)) if takes(function, dtype) else ():
        check_replay(in_namespace(name), function, *twice([shape], [dtype]))


def choice(condition, x, y):
    return kernels_for(condition).xp.where(condition, x, y)


@pytest.mark.parametrize("before", DTYPES)
@pytest.mark.parametrize("after", [*DTYPES, "float16", "complex64"])
def test_conversion(before, after):
    def cast(x):
        return kernels_for(x).xp.astype(
            x, getattr(np, after if after != "bool" else "bool_")
        )

    first, second = twice([(3, 50)], [before])
    if np.dtype(before).kind == "f" and np.dtype(after).kind in "iu":
        # Elsewhere the result depends on the processor.
        first, second = (
            [np.abs(np.nan_to_num(x, posinf=9, neginf=9)) * 9]
            for [x] in (first, second)
        )
    check_replay(cast, lambda x: x.astype(after), first, second)


@pytest.mark.parametrize(
    "dtypes",
    [
        *((dtype, dtype) for dtype in (*DTYPES, "float16", "complex64")),
        *(("float32", "int64"), ("uint8", "bool"), ("float16", "float32")),
    ],
)
def test_choice_between_two_arrays(dtypes):
    for shapes in (((3, 4), (3, 4), (3, 4)), ((3, 1), (4,), ()), ((0,), (), (1,))):
        given = twice(shapes, ["bool", *dtypes])
        check_replay(choice, np.where, *given)


def test_operations_of_one_form_share_a_function():
    passes, shapes = Passes(), ((5,), (2, 3), (7, 1, 1))
    for shape in shapes:
        part = Tape().add("made", np.ones(shape, np.float32))
        assert (
            passes.call(Pass("add", (part, part), part, (part.dtype,) * 2))[0]
            == "pass0"
        )
    row, whole = Tape().add("made", np.ones(3)), Tape().add("made", np.ones((4, 3)))
    name, numbers = passes.call(Pass("add", (whole, row), whole, (row.dtype,) * 2))
    assert (name, numbers) == ("pass1", [4, 3, 3, 3])
    assert len(passes.texts) == 2
    assert passes.elements == 5 + 6 + 7 + 12
