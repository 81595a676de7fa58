"""A leaf has no layers inside."""

import pytest

import varlayers as vl


@pytest.mark.parametrize("layer", [vl.Dense(2, 3), vl.LayerNorm(2), vl.Dropout()])
@pytest.mark.parametrize("x_shape", [None, (4, 2)])
def test_a_leaf_has_no_children(layer, x_shape):
    assert layer.children(x_shape) == {}
