import numpy as np
import pytest
from support.oracles import assert_equals_function

import varlayers as vl

X = np.random.default_rng(0).normal(size=(3, 4, 5, 2))


@pytest.mark.parametrize("engine", ["torch", "jax"])
def test_is_the_mean(engine):
    layer = vl.GlobalAveragePool()
    assert_equals_function(engine, layer, lambda x: x.mean((1, 2)), X)


def test_every_position_gets_its_share():
    layer = vl.GlobalAveragePool(1)
    _, saved = layer.forward({}, X[0], {})
    dx, _ = layer.backward(saved, np.full((4, 2), 10.0))
    np.testing.assert_array_equal(dx, np.full((4, 5, 2), 2.0))
