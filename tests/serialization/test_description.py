"""Descriptions are JSON and arrays, and nothing is lost in them."""

import json
import re

import numpy as np
import pytest

import varlayers as vl
from varlayers.activations import ACTIVATIONS, Elementwise
from varlayers.serialization import describe
from varlayers.tree import items


def test_the_description_of_a_layer_is_readable():
    layer = vl.Sequential([vl.Dropout(0.25), vl.Activation("relu")])
    dropout = {"$class": "layers.Dropout", "rate": 0.25}
    activation = {"$class": "layers.Activation", "function": "relu"}
    layers = {"$tuple": [dropout, activation]}
    assert describe(layer) == ({"$class": "layers.Sequential", "layers": layers}, {})


def test_every_field_is_described():
    content = describe(vl.Dense(2, 3, prior=None)).content
    assert content["in_features"] == 2
    assert content["prior"] is None
    assert content["posterior"] == {
        "$class": "posteriors.MeanFieldNormal",
        "initial_scale": vl.MeanFieldNormal().initial_scale,
        "shift": vl.MeanFieldNormal().shift,
    }


def test_functions_are_described_by_their_name_in_a_table():
    described = describe(vl.Activation(ACTIVATIONS["gelu"])).content
    assert described["function"] == {"$named": "activations.gelu"}


def test_constants_are_arrays_named_by_their_place():
    prior = vl.NormalPrior(scale=np.array([1.0, 2.0]))
    layer = vl.Sequential([vl.Flatten(), vl.Dense(3, 2, prior=prior)])
    content, arrays = describe(layer)
    assert content["layers"]["$tuple"][1]["prior"]["scale"] == {
        "$constant": "layers.1.prior.scale"
    }
    np.testing.assert_array_equal(arrays["layers.1.prior.scale"], [1.0, 2.0])


def test_arrays_are_named_as_by_tree_items(library):
    params = library.tree(vl.Dense(3, 2).init(vl.key(0)), "float32")
    content, arrays = describe({"params": params})
    assert list(arrays) == [name for name, _ in items({"params": params})]
    assert content["params"]["bias"] == {"loc": {"$array": "params.bias.loc"}}
    for name, leaf in items({"params": params}):
        np.testing.assert_array_equal(arrays[name], library.to_numpy(leaf))


def test_numbers_become_plain():
    value = {"i": np.int64(3), "f": np.float32(0.5), "b": True, "s": "a", "n": None}
    assert json.dumps(describe(value).content) == (
        '{"i": 3, "f": 0.5, "b": true, "s": "a", "n": null}'
    )


def test_an_array_by_itself():
    content, arrays = describe(np.arange(3))
    assert content == {"$array": "array"}
    assert list(arrays) == ["array"]


@pytest.mark.parametrize(
    ("value", "kind", "place"),
    [
        (print, "builtin_function_or_method", "the value itself"),
        ({"a": {1, 2}}, "set", "`a`"),
        ([0, {"b": (1j,)}], "complex", "`1.b.0`"),
        ({"key": vl.native(None)}, "Native", "`key`"),
        (vl.Sequential([vl.Dense(1, 1), object()]), "object", "`layers.1`"),
        (vl.Activation(Elementwise(abs, abs)), "Elementwise", "`function`"),
    ],
)
def test_other_kinds_are_refused_by_their_place(value, kind, place):
    message = f"got {kind} in {place}. Register its class"
    with pytest.raises(TypeError, match=re.escape(message)):
        describe(value)


@pytest.mark.parametrize("name", [1, None, "$array", "__metadata__"])
def test_reserved_names_are_refused(name):
    message = f"do not start with '$' or '__', got {name!r} in `a`."
    with pytest.raises(TypeError, match=re.escape(message)):
        describe({"a": {name: 1}})


def test_two_arrays_of_one_name_are_refused():
    value = {"a.b": np.ones(1), "a": {"b": np.ones(1)}}
    with pytest.raises(ValueError, match=r"expected one array 'a.b', got two. Avoid"):
        describe(value)
