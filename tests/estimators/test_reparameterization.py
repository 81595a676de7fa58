import numpy as np

from varlayers.layers import Dense
from varlayers.random import key

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 3))


def test_is_the_map_at_one_sampled_weight():
    layer = Dense(3, 2, estimator="reparameterization", bias="normal")
    params = layer.init(key(0), X)
    noise = {"kernel": RNG.normal(size=(3, 2)), "bias": RNG.normal(size=2)}
    w, b = (
        moments["loc"] + moments["scale"] * noise[name]
        for name, moments in layer.weights(params).items()
    )
    np.testing.assert_allclose(layer.forward(params, X, noise)[0], X @ w + b)


def test_noise_of_zero_is_the_mean():
    layer = Dense(3, 2, estimator="reparameterization")
    params = layer.init(key(0), X)
    y, _ = layer.forward(params, X, {"kernel": np.zeros((3, 2))})
    np.testing.assert_array_equal(y, layer.at_mean().forward(params, X, {})[0])


def test_noise_does_not_depend_on_the_batch():
    layer = Dense(3, 2, estimator="reparameterization")
    one, many = (layer.draw(key(0), (n, 3), X)["kernel"] for n in (1, 100))
    np.testing.assert_array_equal(one, many)
