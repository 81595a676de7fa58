import numpy as np
import pytest
from support.moments import assert_mean

from varlayers.layers import Dropout
from varlayers.random import key

X = np.random.default_rng(0).normal(size=(200, 300))


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_mask_keeps_the_mean(rate):
    mask = Dropout(rate).draw(key(0), X.shape, X)["mask"]
    assert set(np.unique(mask)) == {0, 1 / (1 - rate)}
    assert_mean(mask.ravel() == 0, rate)
    assert_mean(mask.ravel(), 1)
    assert_mean(mask.ravel() ** 2, 1 / (1 - rate))


def test_elements_are_dropped_independently():
    mask = Dropout(0.5).draw(key(0), X.shape, X)["mask"] - 1
    assert_mean((mask[:, 1:] * mask[:, :-1]).ravel(), 0)
    assert_mean((mask[1:] * mask[:-1]).ravel(), 0)


def test_multiplies_by_the_mask():
    layer = Dropout(0.3)
    noise = layer.draw(key(0), X.shape, X)
    y, saved = layer.forward({}, X, noise)
    np.testing.assert_array_equal(y, X * noise["mask"])
    np.testing.assert_array_equal(layer.backward(saved, X)[0], X * noise["mask"])


def test_rate_zero_is_the_identity_and_draws_nothing():
    layer = Dropout(0.0)
    assert layer.draw(key(0), X.shape, X) == {}
    y, saved = layer.forward({}, X, {})
    np.testing.assert_array_equal(y, X)
    np.testing.assert_array_equal(layer.backward(saved, 2 * X)[0], 2 * X)
    assert Dropout(0.7).at_mean() == layer


@pytest.mark.parametrize("rate", [-0.1, 1, 1.5, float("nan")])
def test_refuses_a_rate_out_of_range(rate):
    with pytest.raises(
        ValueError, match=rf"Dropout expected 0 <= `rate` < 1, got {rate}"
    ):
        Dropout(rate)


def test_refuses_other_noise():
    message = r"Dropout expected noise \['mask'\], got \[\]\. Make them with draw\."
    with pytest.raises(ValueError, match=message):
        Dropout(0.5).forward({}, X, {})
    with pytest.raises(
        ValueError, match=r"Dropout expected noise \[\], got \['mask'\]"
    ):
        Dropout(0.0).forward({}, X, {"mask": X})
    message = r"Dropout expected noise `mask` of shape \(200, 300\), got \(3,\)\."
    with pytest.raises(ValueError, match=message):
        Dropout(0.5).forward({}, X, {"mask": np.ones(3)})
