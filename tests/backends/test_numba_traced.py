"""Traced arrays: every elementwise pass against NumPy, on other data than was traced."""

import operator

import numpy as np
import pytest

pytest.importorskip("numba")

from support.replays import check_replay, is_replayed, replay_of

from varlayers.dispatch import kernels_for
from varlayers_backends.numba_tape import Tape, Unknown
from varlayers_backends.numba_traced import (
    _OTHERS,
    _PASSES,
    _TWO_SIDED,
    Traced,
    argument,
    constant,
    is_constant,
    kind_of,
    part_of,
)
from varlayers_backends.tracing import tracing

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
        [drawn(*kind, seed + i) for i, kind in enumerate(zip(shapes, dtypes, strict=True))]
        for seed in (0, 10)
    ]


def takes(function, *dtypes):
    """Whether NumPy has the function for these dtypes."""
    try:
        function(*(np.ones(1, dtype) for dtype in dtypes))
    except TypeError:
        return False
    return True


BINARY = sorted(_PASSES.keys() - {"negative", "sqrt", "where", "copy"})
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
    function = _PASSES[name]
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
    check_replay(PYTHON[name], _PASSES[name], first, second)


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
@pytest.mark.parametrize("name", ["add", "divide", "less", "not_equal", "greater_equal"])
def test_pass_of_two_dtypes(name, dtypes):
    first, second = twice([(3, 50)] * 2, dtypes)
    check_replay(in_namespace(name), _PASSES[name], first, second)


@pytest.mark.parametrize("name", ["negative", "sqrt"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_pass_of_one_array(name, dtype):
    function = _PASSES[name]
    # NumPy's root of an integer of one byte is a float16: a call.
    for shape in ((), (0,), (7,), (3, 50)) if takes(function, dtype) else ():
        check_replay(in_namespace(name), function, *twice([shape], [dtype]))


def choice(condition, x, y):
    return kernels_for(condition).xp.where(condition, x, y)


@pytest.mark.parametrize(
    "dtypes",
    [*((dtype, dtype) for dtype in DTYPES), ("float32", "int64"), ("uint8", "bool")]
    + [("float16", "float16"), ("float16", "float32"), ("complex64", "complex64")],
)
def test_choice_between_two_arrays(dtypes):
    for shapes in (((3, 4), (3, 4), (3, 4)), ((3, 1), (4,), ()), ((0,), (), (1,))):
        given = twice(shapes, ["bool", *dtypes])
        check_replay(choice, np.where, *given)


@pytest.mark.parametrize("before", DTYPES)
@pytest.mark.parametrize("after", [*DTYPES, "float16", "complex64"])
def test_conversion(before, after):
    def cast(x):
        return kernels_for(x).xp.astype(x, getattr(np, after if after != "bool" else "bool_"))

    first, second = twice([(3, 50)], [before])
    if np.dtype(before).kind == "f" and np.dtype(after).kind in "iu":
        # Elsewhere the result depends on the processor.
        first, second = ([np.abs(np.nan_to_num(x, posinf=9, neginf=9)) * 9] for [x] in (first, second))
    check_replay(cast, lambda x: x.astype(after), first, second)


VIEWS = {
    "transposed": lambda x: x.T,
    "sliced": lambda x: x[::2, 1:3],
    "backwards": lambda x: x[::-1, ::-2],
    "a row": lambda x: x[1],
    "an element": lambda x: x[1, 2],
    "a new axis": lambda x: x[:, None, :4],
    "reshaped": lambda x: kernels_for(x).xp.reshape(x, (2, -1)),
    "broadcast": lambda x: kernels_for(x).xp.broadcast_to(x[0], (3, 6)),
    "permuted": lambda x: kernels_for(x).xp.permute_dims(x[None], (2, 0, 1)),
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=list(VIEWS))
def test_pass_of_a_view(view):
    def function(x, y):
        return view(x) * 2.0 + view(y)

    first, second = twice([(4, 6)] * 2, ["float64", "float32"])
    check_replay(function, function, first, second)


@pytest.mark.parametrize("name", VIEWS.keys() - {"an element"})  # NumPy copies that
def test_view_is_no_operation(name):
    tape = Tape()
    with tracing(tape=tape):
        x = argument(np.ones((4, 6)))
        assert VIEWS[name](x).shape == VIEWS[name](x.value).shape
    assert not tape.operations


@pytest.mark.parametrize("name", _TWO_SIDED.keys() - {"matmul"})
def test_operator_with_a_number_on_either_side(name):
    integers = name in ("and", "or", "xor", "lshift", "rshift")
    number, dtype = (3, "int32") if integers else (1.5, "float32")
    way = {"and": "and_", "or": "or_"}.get(name, name)
    function = getattr(operator, way)
    first, second = ([np.arange(1, 7, dtype=dtype) * k] for k in (1, 2))
    for turned in (lambda x: function(x, number), lambda x: function(number, x)):
        run, replayed = replay_of(turned)
        for [x] in (first, second):
            actual = run(x)
            np.testing.assert_allclose(actual, turned(x), rtol=1e-6)
            assert actual.dtype == turned(x).dtype
        assert is_replayed(replayed)


def test_product_of_matrices_as_an_operator():
    first, second = ([np.eye(3) * k, np.arange(9.0).reshape(3, 3)] for k in (1, 2))
    check_replay(operator.matmul, operator.matmul, first, second)


@pytest.mark.parametrize("name", ["neg", "pos", "abs", "invert"])
def test_operator_of_one_array(name):
    assert name in _OTHERS
    function = getattr(operator, name)
    check_replay(function, function, *([np.arange(-2, 3) * k] for k in (1, 3)))


def test_number_takes_the_dtype_of_what_it_meets():
    def function(x, rate, count):
        return (1 - rate**count) * x / (count + 1)

    run, replayed = replay_of(function)
    for dtype in ("float32", "float64", "int32"):
        x = np.arange(5).astype(dtype)
        for numbers in ((0.5, 2), (0.25, 3)):
            actual, right = run(x, *numbers), function(x, *numbers)
            assert actual.dtype == right.dtype
            np.testing.assert_allclose(actual, right, rtol=1e-6)
    assert is_replayed(replayed)


@pytest.mark.parametrize("name", ["less", "greater", "equal", "add", "multiply"])
def test_number_too_large_for_the_dtype_is_numpy_s_affair(name):
    function = PYTHON[name]
    run, _ = replay_of(function)
    x = np.arange(6, dtype=np.uint8)
    np.testing.assert_array_equal(run(x, 3), function(x, 3))
    if name in ("add", "multiply"):
        with pytest.raises(OverflowError, match="300"):
            run(x, 300)
    else:
        np.testing.assert_array_equal(run(x, 300), function(x, 300))


def test_numbers_of_the_other_byte_order_are_right():
    x = np.arange(5, dtype=">i4")
    run, _ = replay_of(lambda x: x + 1)
    for factor in (1, 2):
        np.testing.assert_array_equal(run(factor * x), factor * x + 1)


def test_array_refuses_what_needs_its_values():
    with tracing(tape=Tape()):
        x = argument(np.ones(3))
        with pytest.raises(TypeError, match="cannot depend on the values"):
            bool(x)
        with pytest.raises(TypeError, match=r"cannot hand its arrays to NumPy\. Use k\.xp"):
            np.tanh(np.asarray(x))
        with pytest.raises(TypeError, match="float"):
            float(x)
        with pytest.raises(TypeError, match="unhashable"):
            {x: 1}


def test_array_describes_itself():
    with tracing(tape=Tape()):
        x = argument(np.ones((2, 3), np.float32))
        assert repr(x) == "Traced(shape=(2, 3), dtype=float32)"
        assert (x.ndim, x.size, len(x), x.device) == (2, 6, 2, "cpu")
        assert x.T.shape == x.mT.shape == (3, 2)
        assert x.__array_namespace__() is kernels_for(x).xp


def test_kind_of_a_number_is_its_type():
    with tracing(tape=Tape()):
        assert kind_of(argument(np.array(1.5), weak=True)) is float
        assert kind_of(argument(np.array(1), weak=True)) is int
        assert kind_of(3) is int
        assert kind_of(argument(np.array(1.5, np.float32))) == np.float32
        assert kind_of(np.float32(2)) == np.float32


def test_constants_are_counted_with_at_once():
    tape = Tape()
    with tracing(tape=tape):
        x = constant(np.arange(3)) + 1
        assert is_constant(x)
        assert x.value.tolist() == [1, 2, 3]
        assert not is_constant(argument(np.ones(3)) + x)
    assert [o.name for o in tape.operations] == ["add"]


def test_array_of_another_tape_is_refused():
    with tracing(tape=Tape()):
        stray = argument(np.ones(3))
    with tracing(tape=Tape()), pytest.raises(Unknown, match="saw made, got array"):
        part_of(stray)
    with tracing(tape=Tape()):
        assert part_of(Traced(np.ones(3), lasting=True)).base == 0
