"""The kernels of traced arrays: each replayed against itself, on other data."""

import inspect

import numpy as np
import pytest

pytest.importorskip("numba")

from support.kernel_cases import CASES, Inputs
from support.parity import DTYPES, LARGE, SMALL, _settings, _tuple, arrays_in, moved
from support.replays import KERNELS, is_replayed, replay_of

from varlayers.dispatch import kernels_for
from varlayers.kernels import Kernels
from varlayers.random import Key
from varlayers_backends import numba_passes
from varlayers_backends.numba_operations import argument
from varlayers_backends.numba_tape import Call, Loop, Pass, Tape
from varlayers_backends.numba_threads import ALONE
from varlayers_backends.numba_traced import constant
from varlayers_backends.numba_traced_kernels import TracedKernels
from varlayers_backends.numpy_buffers import empty
from varlayers_backends.tracing import tracing

NOT_TRACED = {"to_numpy", "asarray"}  # the first is refused, the other takes no array
METHODS = sorted(CASES.keys() - NOT_TRACED)


def test_every_method_is_traced():
    methods = {
        name
        for name, _ in inspect.getmembers(Kernels, inspect.isfunction)
        if not name.startswith("_")
    }
    inherited = {n for n in methods if getattr(TracedKernels, n) is getattr(Kernels, n)}
    assert inherited == {"compile"}


def given(case, shape, dtype, seed):
    """Return the arguments of a case that a program can take."""
    return case.arguments(Inputs(np.random.default_rng(seed), shape, dtype))


def is_dynamic(x):
    """Whether an argument is one of the program, not of its description."""
    return bool(arrays_in(x)) or isinstance(x, (float, Key))


def call_of(name, case, arguments):
    """Return the method as a function of what differs from run to run."""
    options = dict(case.options)

    def function(*dynamic):
        rest = iter(dynamic)
        whole = [next(rest) if is_dynamic(x) else x for x in arguments]
        arrays = [a for x in dynamic for a in arrays_in(x)]
        return getattr(kernels_for(arrays[0]), name)(*whole, **options)

    return function


def check(name, case, shape, dtype, place=np.array):
    first, second = (given(case, shape, dtype, seed) for seed in (1, 2))
    function = call_of(name, case, first)
    run, replay = replay_of(function)
    where = f"{name} on {dtype} {shape}"
    for arguments in (first, second):
        dynamic = [x for x in arguments if is_dynamic(x)]
        own, eager = (
            [
                moved(x, np.array if i in donated(case, arguments) else place)
                for i, x in enumerate(dynamic)
            ]
            for _ in range(2)
        )
        with np.errstate(all="ignore"):
            desired = function(*eager)
            actual = run(*own)
        agree(case, dtype, actual, desired, where)
        # What was donated is changed as by the kernel itself, the rest is as it was.
        for one, other, before, i in zip(own, eager, dynamic, range(99), strict=False):
            changed = donated(case, arguments)
            for a, b, c in zip(*map(arrays_in, (one, other, before)), strict=True):
                if i in changed:
                    agree(case, dtype, a, b, where)
                else:
                    assert a.tobytes() == c.tobytes(), where
    assert is_replayed(replay), where


def donated(case, arguments):
    """Return the places of donated arrays among the dynamic arguments."""
    places = [i for i, x in enumerate(arguments) if is_dynamic(x)]
    return {places.index(i) for i in case.donated}


def agree(case, dtype, actual, desired, where):
    assert len(_tuple(actual)) == len(_tuple(desired)), where
    for one, other in zip(_tuple(actual), _tuple(desired), strict=True):
        if other is None:
            assert one is None, where
            continue
        assert np.shape(one) == np.shape(other), where
        assert np.asarray(one).dtype == np.asarray(other).dtype, where
        eps = np.finfo(dtype).eps
        size = np.max(np.abs(other), initial=0, where=np.isfinite(other))
        np.testing.assert_allclose(
            one,
            other,
            rtol=max(case.relative, 4) * eps,
            atol=(max(case.absolute, 4) + case.summed * size) * eps,
            err_msg=where,
        )


@pytest.mark.parametrize("name", METHODS)
def test_replayed_kernel_is_the_kernel(name):
    for case, shape, dtype in _settings(name, (*SMALL, LARGE[1])):
        if not case.small_only or (shape in ((7,), (0,)) and dtype == "float32"):
            check(name, case, shape, dtype)


def strided(x):
    return np.stack([x, x], axis=-1)[..., 0]


def readonly(x):
    y = np.array(x)
    y.flags.writeable = False
    return y


@pytest.mark.parametrize("place", [strided, readonly, np.asfortranarray])
@pytest.mark.parametrize("name", METHODS)
def test_replayed_kernel_of_other_layouts(name, place):
    case = CASES[name][0]
    for dtype in DTYPES:
        check(name, case, (3, 5), dtype, place)


def operations_of(function, *arrays, plain=KERNELS):
    tape = Tape()
    with tracing(tape=tape, plain=plain):
        function(TracedKernels(), *(argument(np.array(x)) for x in arrays))
    return [type(operation) for operation in tape.operations]


X = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)


def test_kernel_of_compiled_loops_is_recorded_as_those():
    assert operations_of(lambda k, x: k.softplus(x), X) == [Loop]
    assert operations_of(lambda k, x: k.softplus(x.T), X) == [Call]


class Half:
    """Kernels of which one is half a loop."""

    def relu(self, x):
        out = empty(x.shape, x.dtype)
        numba_passes.multiply(ALONE, *(a.reshape(-1) for a in (x, x, out)))
        return out + 1


def test_other_kernel_is_a_call_and_leaves_no_loops():
    assert operations_of(lambda k, x: k.erf(x), X) == [Call]
    assert operations_of(lambda k, x: k.relu(x), X, plain=Half()) == [Call]


def test_constant_that_is_donated_is_copied_in_each_run():
    def update(k, g):
        p = constant(X)
        return k.sgd_(p, g, None, rate=0.1, momentum=0.0, nesterov=False, decay=0.0)

    assert operations_of(update, X)[0] is Pass
    run, replay = replay_of(lambda g: update(kernels_for(g), g)[0])
    for factor in (1, 2, 2):
        np.testing.assert_allclose(run(factor * X), X - 0.1 * factor * X, rtol=1e-6)
    assert is_replayed(replay)


def test_array_is_not_handed_out():
    with tracing(tape=Tape(), plain=KERNELS):
        x = argument(X)
        with pytest.raises(TypeError, match="cannot hand its arrays to NumPy"):
            TracedKernels().to_numpy(x)
        assert TracedKernels().device(x) == "cpu"
        made = TracedKernels().asarray([1, 2], x)
        assert (made.dtype, made.lasting) == (np.float32, True)
