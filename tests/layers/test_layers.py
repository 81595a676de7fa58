"""What holds for every layer of the registry."""

import copy
import dataclasses
import pickle

import numpy as np
import pytest
from support.gradients import (
    AUTODIFF,
    assert_directional,
    assert_equal_trees,
    autodiff,
)
from support.layers import EVERY_LAYER, LAYER_EXAMPLES
from support.libraries import assert_same, make_library
from support.problems import Problem, assert_float32, compiled, problem

import varlayers.layers
from varlayers.layers import LAYERS, Sequential
from varlayers.random import key
from varlayers.tree import items, leaves, map_leaves

every_layer = pytest.mark.parametrize(
    ("layer", "x_shape"), EVERY_LAYER.values(), ids=EVERY_LAYER
)


def everything(case):
    """Return the output, gradient, divergences and their gradient of a problem."""
    y, saved = case.layer.forward(case.params, case.x, case.noise)
    dx, dparams = case.layer.backward(saved, case.dy)
    kls, total = case.layer.add_kl(saved, map_leaves(lambda d: 1 * d, dparams), 0.3)
    return {"y": y, "x": dx, "params": dparams, "kls": kls, "total": total}


def test_every_layer_has_an_example():
    assert LAYER_EXAMPLES.keys() == LAYERS.keys()
    for kind, examples in LAYER_EXAMPLES.items():
        assert all(type(layer).__name__ == kind for layer, _ in examples.values())
        assert LAYERS[kind] is getattr(varlayers.layers, kind)


@every_layer
def test_gradient_in_a_random_direction(layer, x_shape):
    case = problem(layer, x_shape)
    assert_directional(case.value, case.point, case.gradient()[1])


@pytest.mark.parametrize("engine", AUTODIFF)
@every_layer
def test_gradient_equals_that_of_autodiff(layer, x_shape, engine):
    case = problem(layer, x_shape)
    desired = autodiff(
        engine,
        lambda library, point: case.on(library).value(point),
        case.point,
        jit=True,
    )
    assert_equal_trees(case.gradient()[1], desired)


@every_layer
def test_same_numbers_on_every_library(library, layer, x_shape):
    case = problem(layer, x_shape)
    assert_same(library, case.run_on(library, everything), everything(case), 1e-12)


@every_layer
def test_init_is_the_same_on_every_library(library, layer, x_shape):
    init = compiled(library, lambda like: layer.init(key(2), like))
    desired, actual = layer.init(key(2), np.zeros(0)), init(library.asarray([0.0]))
    assert_same(library, actual, desired, 1e-12)
    assert bool(actual) == layer.has_parameters


@every_layer
def test_init_makes_float32_numpy_arrays_without_an_example(layer, x_shape):
    for leaf in leaves(layer.init(key(2))):
        assert type(leaf) is np.ndarray
        assert leaf.dtype == np.float32


@every_layer
def test_float32_stays_float32(library, layer, x_shape):
    assert_float32(library, problem(layer, x_shape))


@every_layer
def test_out_shape_is_the_shape_of_the_output(layer, x_shape):
    case = problem(layer, x_shape)
    assert case.gradient()[0].shape == layer.out_shape(x_shape)
    assert layer.out_shape(list(x_shape)) == layer.out_shape(x_shape)


@every_layer
def test_empty_batch(library, layer, x_shape):
    case = problem(layer, (0, *x_shape[1:]) if len(x_shape) > 1 else x_shape)
    y, gradient = case.run_on(library, Problem.gradient)
    assert tuple(y.shape) == layer.out_shape(case.x.shape)
    if len(x_shape) > 1:
        assert not any(np.any(library.to_numpy(g)) for g in leaves(gradient["params"]))


@every_layer
def test_without_input_gradient(layer, x_shape):
    case = problem(layer, x_shape)
    _, saved = layer.forward(case.params, case.x, case.noise)
    dx, dparams = layer.backward(saved, case.dy, input_gradient=False)
    assert dx is None
    assert_equal_trees(dparams, case.gradient()[1]["params"], tolerance=0)


@pytest.mark.parametrize("name", ["numpy", "torch"])
@every_layer
def test_two_forwards_before_one_backward(layer, x_shape, name):
    """Neither a later forward nor `add_kl` changes saved or any argument."""
    library = make_library(name)
    fresh, case = problem(layer, x_shape), problem(layer, x_shape).on(library)
    _, saved = layer.forward(case.params, case.x, case.noise)
    layer.forward(case.params, case.x, layer.draw(key(9), x_shape, case.x))
    for _ in range(2):
        dx, dparams = layer.backward(saved, case.dy)
        actual = {"x": dx, "params": dparams}
        assert_same(library, actual, fresh.gradient()[1], 1e-12)
        layer.add_kl(saved, dparams, 1e3)
    assert_same(library, case.arrays, fresh.arrays, 0)


@every_layer
def test_add_kl_adds_weight_times_the_gradient_of_kl(layer, x_shape):
    case = problem(layer, x_shape)
    _, saved = layer.forward(case.params, case.x, case.noise)

    def start():
        return case.gradient()[1]["params"]

    kls, total = layer.add_kl(saved, start(), 0.7)
    assert_equal_trees(kls, layer.kl(case.params), 1e-13)
    added = map_leaves(lambda t, s: (t - s) / 0.7, total, start())
    if case.params:
        assert_directional(
            lambda params: sum(leaves(layer.kl(params))), case.params, added
        )
    assert_equal_trees(layer.add_kl(saved, start(), 0.0)[1], start(), 0)


@every_layer
def test_mean_of_the_layer_is_its_output_without_noise(layer, x_shape):
    """`at_mean` is what the layer becomes as its scales and rates go to 0."""
    case = problem(layer, x_shape)
    at_mean = layer.at_mean()
    assert at_mean.draw(key(0), x_shape, case.x) == {}
    y, _ = at_mean.forward(case.params, case.x, {})
    still, _ = layer.forward(case.params, case.x, without_noise(case.noise))
    np.testing.assert_allclose(y, still, rtol=1e-14, atol=1e-14)
    assert at_mean.kl(case.params) == {}
    assert at_mean.at_mean() == at_mean or at_mean.at_mean().out_shape(x_shape)
    quiet = case._replace(layer=at_mean, noise={})
    assert_directional(quiet.value, quiet.point, quiet.gradient()[1])


def without_noise(noise):
    """Return noise that stands for the mean: 0 for normals, 1 for masks."""
    return {
        name: without_noise(leaf)
        if isinstance(leaf, dict)
        else np.full_like(leaf, 1.0 if name == "mask" else 0.0)
        for name, leaf in noise.items()
    }


@every_layer
def test_compares_hashes_copies_and_pickles_by_value(layer, x_shape):
    problem(layer, x_shape).gradient()  # a layer in use is the same description
    for again in (pickle.loads(pickle.dumps(layer)), copy.deepcopy(layer)):
        assert again == layer
        assert hash(again) == hash(layer)
        assert repr(again) == repr(layer)
    assert len({layer, copy.deepcopy(layer), Sequential([layer])}) == 2


@every_layer
def test_is_frozen(layer, x_shape):
    field = dataclasses.fields(layer)[0].name if dataclasses.fields(layer) else "new"
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(layer, field, None)


@every_layer
def test_weights_belong_to_parameters(layer, x_shape):
    params = problem(layer, x_shape).params
    owners = {path.rpartition(".")[0] for path, _ in items(params)}
    assert {
        path.rpartition(".")[0] for path, _ in items(layer.weights(params))
    } <= owners
