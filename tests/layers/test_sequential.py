from dataclasses import dataclass, field

import numpy as np
import pytest
from support.gradients import assert_equal_trees

from varlayers.layers import (
    Activation,
    Dense,
    Dropout,
    Flatten,
    LayerNorm,
    Residual,
    Sequential,
)
from varlayers.layers.noiseless import Parameterless
from varlayers.random import fold_in, key

X = np.random.default_rng(0).normal(size=(5, 3))


@dataclass(frozen=True)
class Spy(Parameterless):
    """The identity, remembering whether its input's gradient was asked for."""

    asked: list = field(default_factory=list)

    def forward(self, params, x, noise):
        return x, ()

    def backward(self, saved, dy, *, input_gradient=True):
        self.asked.append(input_gradient)
        return (dy if input_gradient else None), {}


def test_is_one_layer_after_another():
    layers = [Dense(3, 4), Activation("tanh"), Dense(4, 2, estimator="local")]
    model = Sequential(layers)
    params, noise = model.init(key(0), X), model.draw(key(1), X.shape, X)
    assert list(params) == list(noise) == ["0", "2"]
    y = X
    for index, layer in enumerate(layers):
        name = str(index)
        y, _ = layer.forward(params.get(name, {}), y, noise.get(name, {}))
    np.testing.assert_array_equal(model.forward(params, X, noise)[0], y)


def test_layers_get_keys_of_their_own():
    model = Sequential([Dense(3, 3), Dense(3, 3)])
    params, noise = model.init(key(0), X), model.draw(key(1), X.shape, X)
    for tree in (
        {name: part["kernel"]["loc"] for name, part in params.items()},
        {name: part["kernel"] for name, part in noise.items()},
    ):
        assert not np.any(tree["0"] == tree["1"])
    desired = Dense(3, 3).init(fold_in(key(0), 1), X)
    assert_equal_trees(params["1"], desired, tolerance=0)


def test_passes_the_gradient_only_as_far_as_it_is_needed():
    """With input_gradient=False, not beyond the first layer with parameters."""
    spies = [Spy(), Spy(), Spy()]
    model = Sequential(
        [spies[0], Flatten(), Dense(3, 3), spies[1], LayerNorm(3), spies[2]]
    )
    params, noise = model.init(key(0), X), model.draw(key(1), X.shape, X)
    y, saved = model.forward(params, X, noise)
    assert model.backward(saved, y, input_gradient=False)[0] is None
    assert [spy.asked for spy in spies] == [[False], [True], [True]]
    assert model.backward(saved, y)[0] is not None
    assert [spy.asked[-1] for spy in spies] == [True] * 3


def test_nested_containers_without_parameters_need_no_gradient():
    inner = Sequential([Activation("tanh"), Residual(Activation("relu"))])
    model = Sequential([inner, Dropout(0.5), Dense(3, 2)])
    params, noise = model.init(key(0), X), model.draw(key(1), X.shape, X)
    y, saved = model.forward(params, X, noise)
    dx, dparams = model.backward(saved, y, input_gradient=False)
    assert dx is None
    assert_equal_trees(dparams, model.backward(saved, y)[1], tolerance=0)


def test_gradients_are_named_and_ordered_as_parameters():
    model = Sequential([Dense(3, 3), Activation("relu"), Dense(3, 3), LayerNorm(3)])
    params, noise = model.init(key(0), X), model.draw(key(1), X.shape, X)
    y, saved = model.forward(params, X, noise)
    assert list(model.backward(saved, y)[1]) == list(params) == ["0", "2", "3"]


def test_divergences_are_named_by_layer_and_weight():
    dense = Dense(3, 3, bias="normal", bias_prior="normal")
    model = Sequential(
        [dense, LayerNorm(3), Dense(3, 3, prior=None), Sequential([dense])]
    )
    params = model.init(key(0), X)
    kls = model.kl(params)
    assert {name: list(kl) for name, kl in kls.items()} == {
        "0": ["kernel", "bias"],
        "3": ["0"],
    }
    assert_equal_trees(kls["0"], dense.kl(params["0"]), tolerance=0)


def test_one_layer_may_stand_in_two_places():
    """Each place has parameters of its own, and its own saved arrays."""
    shared = Dense(3, 3, posterior="point")
    params = Sequential([shared, shared]).init(key(0), X)
    y, saved = Sequential([shared, shared]).forward(params, X, {})
    first, second = (params[name]["kernel"]["loc"] for name in "01")
    np.testing.assert_allclose(y, X @ first @ second, rtol=1e-13)
    dx, _ = Sequential([shared, shared]).backward(saved, np.ones_like(y))
    np.testing.assert_allclose(dx, np.ones_like(y) @ second.T @ first.T, rtol=1e-13)


def test_children_come_with_the_shapes_of_their_inputs():
    layers = (Dense(3, 4), Flatten())
    children = Sequential(layers).children((5, 2, 3))
    assert children == {"0": (layers[0], (5, 2, 3)), "1": (layers[1], (5, 2, 4))}
    assert Sequential(layers).children()["1"] == (layers[1], None)


def test_at_mean_replaces_every_layer():
    model = Sequential([Dropout(0.5), Sequential([Dropout(0.5)])]).at_mean()
    assert model == Sequential([Dropout(0.0), Sequential([Dropout(0.0)])])


@pytest.mark.parametrize(
    ("params", "noise", "message"),
    [
        ({"2": {}}, {}, r"parameters of layers \['0'\], got \['2'\] beside them\. "),
        ({"1": {}, "x": {}}, {}, r"parameters .*, got \['1', 'x'\] beside them\. "),
        ({}, {"2": {}}, r"noise of layers \['0', '1'\], got \['2'\] beside them\. "),
    ],
)
def test_refuses_surplus_names(params, noise, message):
    model = Sequential([Dense(3, 3), Activation("relu")])
    own = model.init(key(0), X) | params, model.draw(key(0), X.shape, X) | noise
    with pytest.raises(ValueError, match=f"^Sequential expected {message}Make them"):
        model.forward(own[0], X, own[1])


def test_refuses_to_be_empty():
    message = "Sequential expected at least one layer in `layers`, got none."
    with pytest.raises(ValueError, match=message):
        Sequential([])


def test_a_layer_inside_names_itself_in_its_messages():
    model = Sequential([Dense(3, 4, posterior="point"), LayerNorm(5)])
    with pytest.raises(
        ValueError, match=r"LayerNorm expected `x` of shape \(\.\.\., 5\)"
    ):
        model.out_shape((2, 3))
