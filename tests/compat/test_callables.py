"""A function comes with its derivative, or its name says both."""

import math

import pytest

from varlayers.activations import ACTIVATIONS, Elementwise
from varlayers.compat.callables import activation_of, tensor_of


def relu(x):
    return max(x, 0)


def test_names_and_pairs_are_taken():
    pair = Elementwise(*ACTIVATIONS["elu"])
    assert activation_of("Owner", "activation", "tanh") is ACTIVATIONS["tanh"]
    assert activation_of("Owner", "activation", pair) == pair


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (relu, TypeError, r"got 'relu'\. Pass its name, 'relu'\.$"),
        (math.sin, TypeError, r"got 'sin'\. Pass .*Elementwise\(forward, backward\)"),
        (None, TypeError, "Owner expected `activation` with its derivative.*got None"),
        ("rely", ValueError, "Owner expected `activation` in .*'relu'.*got 'rely'"),
        (Elementwise, TypeError, "Owner expected an instance for `activation`"),
    ],
)
def test_anything_else_is_refused_with_advice(value, error, message):
    with pytest.raises(error, match=message):
        activation_of("Owner", "activation", value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("mean", "mean"),
        (lambda d: d.mean(), "mean"),
        (lambda d: d.sample(), "sample"),
    ],
)
def test_tensor_functions(value, expected):
    assert tensor_of("Layer", "fn", value) == expected


@pytest.mark.parametrize("value", ["mode", lambda d: d.mode(), lambda _: 3.0, 3.0])
def test_other_tensors_are_refused(value):
    with pytest.raises(TypeError, match="Layer expected `fn` to be 'sample' or 'mean'"):
        tensor_of("Layer", "fn", value)
