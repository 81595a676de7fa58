"""What holds for every optimizer: libraries, donation, resuming, checks, jit."""

import copy
import pickle
import re

import numpy as np
import pytest
from support.descent import assert_close, descend, gradient, start, to_host

from varlayers.optimizers import (
    OPTIMIZERS,
    SGD,
    Adam,
    AdamW,
    Clip,
    Constant,
    Cosine,
    Exponential,
    Linear,
    WarmUp,
)
from varlayers.tree import items, leaves, map_leaves, unflatten

CASES = [
    SGD(0.1, weight_decay=0.1),
    SGD(Linear(0.2, 0.1, 4), momentum=0.9, nesterov=True, weight_decay=0.1),
    Adam(0.1),
    AdamW(WarmUp(Cosine(0.1, 10), 3), weight_decay=0.1),
    Clip(Adam(0.1), 0.5),
]
every_optimizer = pytest.mark.parametrize("optimizer", CASES, ids=str)


@every_optimizer
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float64", 1e-13), ("float32", 1e-5)]
)
def test_every_library_takes_the_same_path(library, optimizer, dtype, tolerance):
    paths = descend(optimizer, 6, library, dtype), descend(optimizer, 6, dtype=dtype)
    for actual, desired in zip(*paths, strict=True):
        assert_close(actual, desired, tolerance)
        assert {str(x.dtype) for x in leaves(actual) if not isinstance(x, int)} <= {
            dtype
        }


@every_optimizer
def test_state_and_params_stay_in_their_library(library, optimizer):
    params = library.tree(start("float32"), "float32")
    state = optimizer.init(params)
    for _ in range(2):
        grads = library.tree(gradient(start("float32"), 0), "float32")
        params, state = optimizer.update(grads, state, params)
    for leaf in [*leaves(params), *leaves({**state, "step": {}})]:
        assert leaf.dtype == grads["bias"].dtype
        assert type(leaf).__module__ == type(grads["bias"]).__module__
        assert getattr(leaf, "device", None) == getattr(grads["bias"], "device", None)


@every_optimizer
def test_read_only_arrays_are_not_written_to(optimizer):
    frozen = descend(optimizer, 6, after_step=lambda tree: map_leaves(_frozen, tree))
    free = descend(optimizer, 6)
    assert_close(frozen[0], free[0], 1e-14)
    assert_close(frozen[1], free[1], 1e-14)


def _frozen(leaf):
    if isinstance(leaf, int):
        return leaf
    leaf = np.array(leaf)
    leaf.flags.writeable = False
    return leaf


@every_optimizer
def test_gradients_are_left_alone(library, optimizer):
    params = library.tree(start())
    host = gradient(start(), 0)
    grads, state = library.tree(host), optimizer.init(params)
    for _ in range(3):
        params, state = optimizer.update(grads, state, params)
    assert_close(to_host(library, grads), host, 0)


@every_optimizer
def test_a_copied_state_resumes_to_the_same_bits(optimizer):
    straight, _ = descend(optimizer, 8)
    params, state = start(), optimizer.init(start())
    for step in range(8):
        params, state = optimizer.update(gradient(params, step), state, params)
        if step == 3:
            params, state = _through_named_arrays(params), _through_named_arrays(state)
    assert_close(params, straight, 0)
    assert state["step"] == 8


def _through_named_arrays(tree):
    named = {name: copy.deepcopy(leaf) for name, leaf in items(tree)}
    return unflatten(named)


@every_optimizer
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_jit_gives_the_same_numbers(optimizer, dtype):
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    params = jax.tree.map(jax.numpy.asarray, start(dtype))
    state, update = optimizer.init(params), jax.jit(optimizer.update)
    for step in range(6):
        grads = gradient(jax.tree.map(np.asarray, params), step)
        params, state = update(grads, state, params)
    assert all(leaf.dtype == dtype for leaf in leaves(params))
    desired, desired_state = descend(optimizer, 6, dtype=dtype)
    tolerance = 1e-12 if dtype == "float64" else 1e-5
    assert_close(jax.tree.map(np.asarray, params), desired, tolerance)
    assert_close(jax.tree.map(np.asarray, state), desired_state, 10 * tolerance)


@pytest.mark.parametrize("kind", [SGD, Adam])
def test_a_traced_schedule_keeps_the_dtype(kind):
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    rates = jax.numpy.asarray([0.1, 0.2, 0.3], dtype="float64")
    optimizer = kind(lambda step: rates[step])
    params = jax.tree.map(jax.numpy.asarray, start("float32"))
    state, update = optimizer.init(params), jax.jit(optimizer.update)
    for _ in range(3):
        params, state = update(gradient(start("float32"), 0), state, params)
    assert {str(leaf.dtype) for leaf in leaves(params)} == {"float32"}
    desired = start("float32")
    state, optimizer = optimizer.init(desired), kind(Linear(0.1, 0.3, 2))
    for _ in range(3):
        desired, state = optimizer.update(gradient(start("float32"), 0), state, desired)
    assert_close(jax.tree.map(np.asarray, params), desired, 2e-6)


@pytest.mark.parametrize(
    "optimizer",
    [
        SGD(np.float64(0.1), np.float64(0.9), weight_decay=np.float64(0.1)),
        Adam(np.float64(0.1), np.float64(0.9), np.float64(0.99), np.float64(1e-8)),
        AdamW(lambda _: np.float64(0.1), weight_decay=np.float64(0.1)),
        Clip(SGD(Constant(np.float64(0.1))), np.float64(1.0)),
    ],
    ids=["SGD", "Adam", "AdamW", "Clip"],
)
def test_numpy_numbers_do_not_widen_float32(optimizer):
    def freeze(tree):  # read-only arrays take the generic kernels
        return map_leaves(_frozen, tree)

    params, state = descend(optimizer, 2, dtype="float32", after_step=freeze)
    assert {str(leaf.dtype) for leaf in leaves(params)} == {"float32"}
    assert {str(x.dtype) for x in leaves({**state, "step": {}})} <= {"float32"}


@pytest.mark.parametrize(
    "config",
    [
        *CASES,
        Constant(1.0),
        Exponential(1.0, 0.5, 3),
        WarmUp(0.1, 5),
    ],
    ids=str,
)
def test_configurations_are_values(config):
    again = pickle.loads(pickle.dumps(config))
    assert again == config
    assert hash(again) == hash(config)
    assert eval(repr(config)) == config


def test_the_registry_names_optimizers():
    assert {name: type(value) for name, value in OPTIMIZERS.items()} == {
        "sgd": SGD,
        "adam": Adam,
        "adamw": AdamW,
    }
    for optimizer in OPTIMIZERS.values():
        assert descend(optimizer, 1)[1]["step"] == 1


@every_optimizer
def test_parameters_without_arrays(optimizer):
    params, state = optimizer.update(
        {"relu": {}}, optimizer.init({"relu": {}}), {"relu": {}}
    )
    assert params == {"relu": {}}
    assert state["step"] == 1


@pytest.mark.parametrize("kind", [SGD, Adam, AdamW])
def test_gradients_of_other_names(kind):
    grads, params = {"a": np.zeros(2)}, {"b": {"c": np.zeros(2)}}
    message = (
        f"{kind.__name__} expected `grads` with the names of params, ['b.c'], "
        "got ['a']."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        kind(0.1).update(grads, kind(0.1).init(params), params)


@pytest.mark.parametrize("kind", [SGD, Adam, AdamW])
def test_gradients_of_another_shape(kind):
    grads, params = {"a": {"b": np.zeros(1)}}, {"a": {"b": np.zeros(2)}}
    message = f"{kind.__name__} expected `grads` of shape (2,) for 'a.b', got (1,)."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        kind(0.1).update(grads, kind(0.1).init(params), params)


@pytest.mark.parametrize("kind", [SGD, Adam, AdamW])
def test_gradients_of_another_dtype(kind):
    grads, params = {"a": np.zeros(2)}, {"a": np.zeros(2, "float32")}
    message = (
        f"{kind.__name__} expected `grads` of dtype float32 for 'a', got float64. "
        "Convert one of the two."
    )
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        kind(0.1).update(grads, kind(0.1).init(params), params)


@pytest.mark.parametrize(
    ("kind", "moment"), [(SGD, "velocity"), (Adam, "m"), (AdamW, "v")]
)
def test_a_state_of_other_shapes(kind, moment):
    optimizer = SGD(0.1, momentum=0.9) if kind is SGD else kind()
    params = {"a": np.zeros(2)}
    state = {**optimizer.init(params), moment: {"a": np.zeros(1)}}
    message = (
        f"{kind.__name__} expected `state['{moment}']` of shape (2,) for 'a', got (1,)."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        optimizer.update(params, state, params)


def test_a_state_of_another_optimizer():
    params = {"a": np.zeros(2)}
    message = (
        "Adam expected `state` with ['m', 'step', 'v'], got ['step']. "
        "Make it with init."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Adam().update(params, SGD(0.1).init(params), params)
