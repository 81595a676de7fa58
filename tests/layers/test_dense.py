import numpy as np
import pytest

from varlayers.layers import Dense
from varlayers.maps import MATMUL
from varlayers.random import key


def test_is_a_matrix_product_with_a_bias():
    layer = Dense(3, 2)
    assert layer.map is MATMUL
    assert layer.kernel_shape == layer.fans == (3, 2)
    params = layer.init(key(0))
    assert params["bias"]["loc"].shape == (2,)


@pytest.mark.parametrize("leading", [(), (5,), (0,), (2, 4)])
def test_out_shape(leading):
    assert Dense(3, 2).out_shape((*leading, 3)) == (*leading, 2)


@pytest.mark.parametrize("name", ["in_features", "out_features"])
@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        (0, ValueError, r">= 1, got 0\."),
        (2.0, TypeError, r"an integer `\w+`, got 2\.0\."),
    ],
)
def test_refuses_other_sizes(name, value, kind, message):
    sizes = {"in_features": 3, "out_features": 2, name: value}
    with pytest.raises(kind, match=rf"Dense expected .*{message}") as caught:
        Dense(**sizes)
    assert f"`{name}`" in str(caught.value)


def test_samples_at_the_default_differ_little_from_the_mean():
    """A default network starts with noise small beside its signal."""
    x = np.random.default_rng(0).normal(size=(200, 100))
    layer = Dense(100, 50)
    params = layer.init(key(0), x)
    y, _ = layer.forward(params, x, layer.draw(key(1), x.shape, x))
    mean, _ = layer.at_mean().forward(params, x, {})
    # Noise is 0.1 of the inputs' size, and a He mean gives sqrt(2) of it.
    assert np.std(y - mean) / np.std(mean) == pytest.approx(0.1 / np.sqrt(2), rel=0.1)
