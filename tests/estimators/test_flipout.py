import numpy as np
import pytest

from varlayers.estimators import Flipout
from varlayers.layers import Dense
from varlayers.random import key

RNG = np.random.default_rng(0)
X = RNG.normal(size=(5, 4, 3))


def test_every_example_sees_one_weight_with_flipped_signs():
    """loc + r sᵀ ∘ Δ, at every position: a sample of the posterior."""
    layer = Dense(3, 2, estimator="flipout", bias=None)
    params, noise = layer.init(key(0), X), layer.draw(key(1), X.shape, X)
    moments = layer.weights(params)["kernel"]
    delta = moments["scale"] * noise["kernel"]
    y, _ = layer.forward(params, X, noise)
    for x_n, y_n, r, s in zip(X, y, noise["signs_in"], noise["signs_out"], strict=True):
        w = moments["loc"] + r.T * s * delta
        np.testing.assert_allclose(y_n, x_n @ w, rtol=1e-12)


@pytest.mark.parametrize(
    ("signs", "shapes"),
    [
        ("channel", {"signs_in": (5, 1, 3), "signs_out": (5, 1, 2)}),
        ("element", {"signs_in": (5, 4, 3), "signs_out": (5, 4, 2)}),
    ],
)
def test_signs_are_signs(signs, shapes):
    noise = Dense(3, 2, estimator=Flipout(signs)).draw(key(1), X.shape, X)
    for name, shape in shapes.items():
        assert noise[name].shape == shape
        assert set(np.unique(noise[name])) == {-1.0, 1.0}


def test_without_positions_both_kinds_of_signs_are_the_same():
    x = X[:, 0]
    channel, element = (
        Dense(3, 2, estimator=Flipout(signs)).draw(key(1), x.shape, x)
        for signs in ("channel", "element")
    )
    assert channel.keys() == element.keys()
    for name, array in channel.items():
        np.testing.assert_array_equal(array, element[name])


def test_refuses_other_signs():
    message = r"Flipout expected `signs` 'channel' or 'element', got 'pixel'\."
    with pytest.raises(ValueError, match=message):
        Flipout("pixel")
