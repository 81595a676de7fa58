"""What is JAX's own in its kernels: they trace, and keep 32-bit words without x64."""

import numpy as np
import pytest
from support.libraries import make_library

from varlayers.dispatch import kernels_for
from varlayers.random import Key, fold_in

jax = pytest.importorskip("jax")
X = make_library("jax").asarray([0.25, 0.75])
K = kernels_for(X)
KEY = Key(0xFFFFFFFF, 3)


def test_tracers_have_the_same_kernels_and_no_device():
    found = []
    jax.jit(lambda x: found.append((kernels_for(x), K.device(x))) or x)(X)
    ((kernels, device),) = found
    assert type(kernels) is type(K)
    assert device is None
    assert K.device(X) == X.device


@pytest.mark.parametrize(
    "name", ["digamma", "erf", "gammaln", "ndtri", "log_softmax", "softplus"]
)
def test_functions_trace_and_differentiate(name):
    def total(x):
        return jax.numpy.sum(jax.numpy.asarray(getattr(K, name)(x)) * x)

    actual, slope = jax.jit(jax.value_and_grad(total))(X)
    assert actual == pytest.approx(float(total(X)), rel=1e-12)
    assert np.all(np.isfinite(slope))


def test_words_inside_jit_are_those_outside():
    inside = jax.jit(lambda x: K.words(KEY, 7, x))(X)
    assert inside.dtype == "uint32"
    np.testing.assert_array_equal(inside, K.words(KEY, 7, X))


def test_rounds_of_random_numbers_are_loops():
    """Written out, XLA did not compile these signs in ten minutes."""

    def signs(k0, k1):
        return K.signs(fold_in(Key(k0, k1), 3), (128, 64), X)

    words = jax.numpy.uint32(1), jax.numpy.uint32(2)
    assert jax.jit(signs).lower(*words).as_text().count("stablehlo.while") > 0
    inside, outside = (
        jax.jit(signs)(*words),
        K.signs(fold_in(Key(1, 2), 3), (128, 64), X),
    )
    np.testing.assert_array_equal(inside, outside)
    key = jax.make_jaxpr(lambda k0, k1: fold_in(Key(k0, k1), 3))(*words)
    assert "threefry2x32" in str(key)


def test_host_data_takes_the_dtype():
    for data in ([1, 2], np.array([1, 2])):
        assert K.asarray(data, X.astype("float32")).dtype == "float32"


TRACED = []


def test_compiled_functions_are_kept():
    TRACED.clear()
    for static in (2, 2, 3):
        doubled = K.compile(_multiply)(static, X)
        np.testing.assert_array_equal(doubled, static * np.asarray(X))
    assert TRACED == [2, 3]


def test_what_needs_values_is_called_as_it_is():
    TRACED.clear()
    for x in (X, X, -X):
        found = K.compile(_absolute)("where", x)
        np.testing.assert_array_equal(found, abs(np.asarray(x)))
    assert TRACED == ["where"] * 4  # traced in vain only once


def test_errors_of_compiled_functions_are_those_of_the_functions():
    for _ in range(2):
        with pytest.raises(ZeroDivisionError, match="no number") as caught:
            K.compile(_fail)(2, X)
        assert caught.value.__context__ is None


def _absolute(static, x):
    TRACED.append(static)
    return x if float(x[0]) > 0 else -x


def _fail(static, x):
    msg = "no number"
    raise ZeroDivisionError(msg)


def _multiply(static, x):
    TRACED.append(static)
    return static * x


def advanced(static, state, key):
    return {
        **state,
        "step": state["step"] + 1,
        "loose": state["loose"] + state["bound"],
    }


@pytest.mark.parametrize("bound", [True, False])
def test_what_comes_back_is_not_compiled_for_again(bound):
    """Arrays of a result are bound to a device as soon as one argument is."""
    ends = []
    jax.monitoring.register_event_duration_secs_listener(
        lambda name, *_, **__: ends.append(name)
    )
    x = jax.numpy.asarray([1.0, 2.0])
    given = jax.device_put(x, jax.devices()[0]) if bound else x
    state, run = {"step": 0, "loose": x, "bound": given}, K.compile(advanced)
    for step in range(3):
        state = run(bound, state, KEY)
        if step == 0:
            ends.clear()
    assert not [name for name in ends if "backend_compile" in name]
    assert int(state["step"]) == 3
    assert state["loose"].tolist() == [4.0, 8.0]


def halved(static, state):
    CALLS.append(1)
    return {"x": state["x"] / 2}


CALLS = []


def test_a_function_compiled_inside_another_is_compiled_outside_as_well():
    """What is traced once as a part of another function is still traced on its own."""
    run = K.compile(halved)
    jax.jit(lambda x: run((), {"x": x}))(X)
    CALLS.clear()
    for _ in range(3):
        assert run((), {"x": X})["x"].tolist() == [0.125, 0.375]
    assert len(CALLS) <= 1
