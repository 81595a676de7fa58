"""A function comes with its derivative, or its name says both."""

import math

import pytest

from varlayers.activations import ACTIVATIONS, Elementwise
from varlayers.compat.callables import activation_of


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
