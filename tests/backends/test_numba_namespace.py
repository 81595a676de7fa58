"""NumPy's functions on traced arrays: which are compiled, and which are calls."""

import numpy as np
import pytest

pytest.importorskip("numba")

from support.replays import check_replay, is_replayed, replay_of

from varlayers.dispatch import kernels_for
from varlayers.random import Key, fold_in, key
from varlayers_backends.numba_namespace import NAMESPACE
from varlayers_backends.numba_operations import argument
from varlayers_backends.numba_tape import Call, Loop, Pass, Tape
from varlayers_backends.numba_traced import is_constant
from varlayers_backends.tracing import tracing

X, Y = np.arange(24.0).reshape(2, 3, 4), np.linspace(-3, 4, 24).reshape(2, 3, 4)


def xp_of(x):
    return kernels_for(x).xp


def steps_of(function, *arrays, weak=False):
    """Return the kinds of the operations of a function."""
    tape = Tape()
    with tracing(tape=tape):
        function(*(argument(np.array(x), weak=weak) for x in arrays))
    return [type(operation) for operation in tape.operations]


FUNCTIONS = {
    "exp": lambda x: xp_of(x).exp(x),
    "max": lambda x: xp_of(x).max(x, axis=1, keepdims=True),
    "clip": lambda x: xp_of(x).clip(x, 0.0, 1.5),
    "concat": lambda x: xp_of(x).concat([x, x[:1]], axis=0),
    "stack": lambda x: xp_of(x).stack((x, 2 * x), axis=1),
    "tensordot": lambda x: xp_of(x).tensordot(x, x, axes=([0, 1], [0, 1])),
    "argsort": lambda x: xp_of(x).argsort(-x, axis=-1),
    "cumulative_sum": lambda x: xp_of(x).cumulative_sum(x, axis=1),
    "flipped": lambda x: xp_of(x).flip(x, axis=2),
    "squeezed": lambda x: xp_of(x).squeeze(x[:, :1], axis=1),
    "of both": lambda x: xp_of(x).broadcast_arrays(x, x[0])[1] + 1,
    "modf": lambda x: xp_of(x).modf(x)[0],
    "svdvals": lambda x: xp_of(x).linalg.svdvals(x),
    "qr": lambda x: xp_of(x).linalg.qr(x[0].T).R,
    "shape": lambda x: x * xp_of(x).shape(x)[1] + xp_of(x).ndim(x) + xp_of(x).size(x),
    "full_like": lambda x: xp_of(x).full_like(x, 3.0) * x,
    "a traced full_like": lambda x: xp_of(x).full_like(x, x[0, 1, 1]),
    "zeros_like": lambda x: xp_of(x).zeros_like(x, dtype=np.float32) - x,
    "created": lambda x: x + xp_of(x).arange(4) * xp_of(x).eye(3, 4),
    "pi": lambda x: x * xp_of(x).pi,
    "dtypes": lambda x: x if xp_of(x).isdtype(x.dtype, "real floating") else 2 * x,
    "finfo": lambda x: x * xp_of(x).finfo(x.dtype).eps,
}


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=list(FUNCTIONS))
def test_function_is_numpy_s(function):
    check_replay(function, function, [X], [Y])


@pytest.mark.parametrize("axis", [None, 2, -1, (1, 2), (0, 1, 2), (-1, -2), 0, 1, ()])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_sum(axis, keepdims, dtype):
    def function(x):
        return xp_of(x).sum(x, axis=axis, keepdims=keepdims)

    run, replay = replay_of(function)
    for x in (X, Y, X[:0], 5 * X):
        actual, desired = run(x.astype(dtype)), function(x.astype(dtype))
        assert np.shape(actual) == np.shape(desired)
        assert actual.dtype == desired.dtype
        np.testing.assert_allclose(actual, desired, rtol=1e-5, atol=1e-5)
    assert is_replayed(replay)


def test_sum_of_rows_is_a_loop():
    assert steps_of(lambda x: NAMESPACE.sum(x, axis=-1), X) == [Loop]
    for x, axis in ((X, 0), (X.astype(int), -1), (X[:0], -1)):
        assert steps_of(lambda x, axis=axis: NAMESPACE.sum(x, axis=axis), x) == [Call]
    assert steps_of(lambda x: NAMESPACE.sum(x.mT, axis=-1), X) == [Call]
    assert steps_of(lambda x: NAMESPACE.sum(x, axis=-1, dtype=int), X) == [Call]


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool", "complex64"])
def test_rows_are_taken_in_a_loop(dtype):
    def function(x, rows):
        return xp_of(x).take(x, rows, axis=0)

    first, second = [X[0], np.array([2, 0])], [Y[0], np.array([-1, 1])]
    for arrays in (first, second):
        arrays[0] = arrays[0].astype(dtype)
    check_replay(function, function, first, second)
    assert steps_of(function, *first) == [Loop]
    assert steps_of(lambda x, i: NAMESPACE.take(x, i, axis=1), *first) == [Call]
    assert steps_of(lambda x, i: NAMESPACE.take(x.T, i, axis=0), *first) == [Call]


def test_no_rows_are_taken():
    run, _ = replay_of(lambda x, rows: xp_of(x).take(x, rows, axis=0))
    for x in (X[0], Y[0]):
        assert run(x, np.zeros(0, int)).shape == (0, 4)


CONVERSIONS = {
    "other dtype": lambda x: xp_of(x).asarray(x, dtype=np.float32),
    "same dtype": lambda x: xp_of(x).asarray(x, dtype=np.float64) * 2,
    "copied": lambda x: xp_of(x).asarray(x, copy=True),
    "half": lambda x: xp_of(x).asarray(x, dtype=np.float16),
    "of a constant": lambda x: xp_of(x).asarray([1, 2], dtype=np.float32)[0] * x,
    "constant, twice": lambda x: xp_of(x).asarray(xp_of(x).arange(4), dtype="f4") * x,
}


@pytest.mark.parametrize("function", CONVERSIONS.values(), ids=list(CONVERSIONS))
def test_asarray(function):
    check_replay(function, function, [X], [Y])


@pytest.mark.parametrize(
    "dtype", [None, "float32", "float64", "int32", "uint8", "uint32"]
)
@pytest.mark.parametrize("numbers", [(1, 3), (1.5, 2.25)])
def test_asarray_of_a_number_is_an_array(dtype, numbers):
    def function(x, number):
        return xp_of(x).asarray(number, dtype=dtype) * x

    run, replay = replay_of(function)
    x = np.arange(4, dtype=np.float32)
    for number in numbers:
        actual, desired = run(x, number), function(x, number)
        assert actual.dtype == desired.dtype
        np.testing.assert_array_equal(actual, desired)
    assert is_replayed(replay)


def test_asarray_of_the_array_itself_is_no_operation():
    assert steps_of(lambda x: NAMESPACE.asarray(x), X) == []
    assert steps_of(lambda x: NAMESPACE.asarray(x, dtype=x.dtype), X) == []
    assert steps_of(lambda x: NAMESPACE.asarray(x, copy=True), X) == [Pass]


def test_number_keeps_taking_the_dtype_of_what_it_meets():
    def function(x, rate):
        return xp_of(x).where(rate > 1, rate, rate / 2) * x

    tape = Tape()
    with tracing(tape=tape):
        x = argument(np.ones(3, np.float32))
        rate = argument(np.array(0.5), weak=True)
        assert NAMESPACE.astype(rate, np.float64) is rate
        assert function(x, rate).dtype == np.float32


def test_choice_with_numbers():
    def function(x, rate):
        xp = xp_of(x)
        return xp.where(x > rate, x, 0.0) + xp.where(x < 1, rate, x)

    run, replay = replay_of(function)
    for rate in (0.5, 2.0):
        for dtype in ("float32", "float64"):
            x = X.astype(dtype)
            np.testing.assert_array_equal(run(x, rate), function(x, rate))
            assert run(x, rate).dtype == dtype
    assert is_replayed(replay)


def test_what_is_created_is_constant():
    with tracing(tape=Tape()):
        x = argument(X)
        made = NAMESPACE.zeros_like(x), NAMESPACE.ones((2,)), NAMESPACE.full_like(x, 2)
        assert all(map(is_constant, made))
        assert is_constant(NAMESPACE.exp(made[0]))
        assert is_constant(NAMESPACE.astype(made[0], np.float32))
        assert not is_constant(NAMESPACE.exp(x))


@pytest.mark.parametrize("words", [[(1, 2), (2**32 - 1, 7)], [(0, 0), (2**31, 2**31)]])
def test_children_of_keys(words):
    def function(source, data, x):
        k0, k1 = fold_in(source, data)
        other, _ = fold_in(source, 2**32 - 1)
        return kernels_for(x).words(Key(k0, k1), 5, x), k0, k1, other

    run, replay = replay_of(function)
    for pair in words:
        for data in (0, 3, 2**32 - 1):
            actual, desired = (f(Key(*pair), data, X) for f in (run, function))
            np.testing.assert_array_equal(actual[0], desired[0])
            assert actual[1:] == desired[1:]
    assert is_replayed(replay)
    assert key(5) == Key(5, 0)
