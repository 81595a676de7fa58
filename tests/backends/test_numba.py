"""What is particular to the compiled kernels: what falls back, and what is donated."""

import threading

import numpy as np
import pytest

pytest.importorskip("numba")

from varlayers.kernels import Kernels
from varlayers.random import Native, key
from varlayers_backends import numba_outputs, numba_passes, numba_random, numba_updates
from varlayers_backends.numba import NumbaKernels
from varlayers_backends.numba_arguments import FEW

GENERIC, K = Kernels(np), NumbaKernels()
ADAM = {"rate": 0.1, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8, "decay": 0.1, "step": 3}
SGD = {"rate": 0.1, "momentum": 0.9, "nesterov": True, "decay": 0.1}


def add_kl(k, loc, scale, slope, dloc, drho):
    return k.add_kl_normal_(loc, scale, slope, 0.0, 1.0, 0.3, dloc, drho)


METHODS = {
    "softplus": (lambda k, x: k.softplus(x), 1, ()),
    "scale_normal": (lambda k, x: k.scale_normal(x, 0.5), 1, ()),
    "add_product": (lambda k, *x: k.add_product(*x), 3, ()),
    "sample_normal_backward": (lambda k, *x: k.sample_normal_backward(*x), 3, ()),
    "variance_normal_backward": (lambda k, *x: k.variance_normal_backward(*x), 3, ()),
    "add_kl_normal_": (add_kl, 5, (3, 4)),
    "local_noise": (lambda k, *x: k.local_noise(*x), 3, ()),
    "local_noise_backward": (lambda k, *x: k.local_noise_backward(*x), 3, ()),
    "log_softmax": (lambda k, x: k.log_softmax(x), 1, ()),
    "cross_entropy": (lambda k, *x: k.cross_entropy(*x), 2, ()),
    "adam_": (lambda k, *x: k.adam_(*x, **ADAM), 4, (0, 2, 3)),
    "sgd_": (lambda k, *x: k.sgd_(*x, **SGD), 3, (0, 2)),
}
LOOPS = [
    getattr(module, name).compiled
    for module in (numba_outputs, numba_passes, numba_random, numba_updates)
    for name in module.__all__
    if hasattr(getattr(module, name), "compiled")
]


def arrays(count, dtype="float32", shape=(4, 6)):
    drawn = np.random.default_rng(0).uniform(0.1, 1, (count, *shape))
    return list(drawn.astype(dtype))


def assert_all_close(actual, desired, rtol):
    actual, desired = (r if isinstance(r, tuple) else (r,) for r in (actual, desired))
    for one, other in zip(actual, desired, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, rtol=rtol, atol=rtol)


@pytest.mark.parametrize(
    ("call", "count", "donated"),
    [method for method in METHODS.values() if method[2]],
    ids=[name for name, method in METHODS.items() if method[2]],
)
def test_donated_arrays_come_back(call, count, donated):
    given = arrays(count)
    results = call(K, *given)
    for result, index in zip(results[-len(donated) :], donated, strict=True):
        assert result is given[index]


@pytest.mark.parametrize(("call", "count", "_"), METHODS.values(), ids=METHODS)
def test_other_dtypes_go_to_numpy_s_kernels(call, count, _):
    given = arrays(count, "float16")
    desired = call(GENERIC, *(array.copy() for array in given))
    assert_all_close(call(K, *given), desired, 4e-3)


@pytest.mark.parametrize(("call", "count", "_"), METHODS.values(), ids=METHODS)
def test_scalars_go_to_numpy_s_kernels(call, count, _):
    if count == 1:
        pytest.skip("one argument mixes nothing")
    given = arrays(count)
    given[1] = given[1][:1]  # broadcasts
    desired = call(GENERIC, *(array.copy() for array in given))
    assert_all_close(call(K, *given), desired, 1e-5)


@pytest.mark.parametrize(("call", "count", "_"), METHODS.values(), ids=METHODS)
def test_mixed_dtypes_go_to_numpy_s_kernels(call, count, _):
    given = arrays(count)
    given[-1] = given[-1].astype(np.float64)
    desired = call(GENERIC, *(array.copy() for array in given))
    assert_all_close(call(K, *given), desired, 1e-5)


def test_numpy_s_scalars_and_subclasses_go_to_numpy_s_kernels():
    class Mine(np.ndarray):
        """An array type that another package defines."""

    assert K.softplus(np.float32(0))[1] == 0.5
    assert K.softplus(np.zeros(2).view(Mine))[1].tolist() == [0.5, 0.5]


def test_signs_of_odd_dtypes_go_to_numpy_s_kernels():
    signs = K.signs(key(3), (50,), np.zeros(0, np.float16))
    assert signs.dtype == np.float16
    assert set(signs.tolist()) == {-1, 1}


@pytest.mark.parametrize("name", ["uniform", "normal", "signs"])
def test_native_generators_go_to_numpy_s_kernels(name):
    native = Native(np.random.default_rng(0))
    assert getattr(K, name)(native, (5,), np.zeros(0)).shape == (5,)


@pytest.mark.parametrize(("call", "count", "_"), METHODS.values(), ids=METHODS)
def test_each_loop_is_compiled_once_per_dtype(call, count, _):
    before = [set(loop.signatures) for loop in LOOPS]
    for dtype in ("float32", "float64"):
        given = arrays(count, dtype, (4, FEW))
        call(K, *given)
        for array in given:
            array.flags.writeable = False
        call(K, *given)
        call(K, *(array.T for array in given))
        call(K, *arrays(count, dtype, (2, 2, FEW)))
    assert any(loop.signatures for loop in LOOPS)
    for loop, known in zip(LOOPS, before, strict=True):
        assert len(set(loop.signatures) - known) <= 2, loop


def test_divergence_takes_prior_arrays():
    loc, scale, slope, dloc, drho, prior = arrays(6)
    given = (loc, scale, slope, prior, prior + 1, 0.3)
    desired = GENERIC.add_kl_normal_(*given, dloc, drho)
    assert_all_close(K.add_kl_normal_(*given, dloc, drho), desired, 1e-5)


def test_threads_of_the_caller_do_not_meet():
    given, wrong = arrays(5, "float32", (3, 30_001)), []
    right = add_kl(K, *(array.copy() for array in given))

    def call():
        for _ in range(10):
            result = add_kl(K, *(array.copy() for array in given))
            wrong.extend(
                not np.array_equal(*pair) for pair in zip(result, right, strict=True)
            )

    callers = [threading.Thread(target=call) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(wrong) == 120
    assert not any(wrong)
