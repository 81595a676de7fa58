"""The digits, their split, and what is no digit."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from varlayers.demo.data import load


@pytest.fixture(scope="module")
def digits():
    return load(0)


def rows(images):
    return {row.tobytes() for row in np.asarray(images, np.float32).reshape(-1, 64)}


def test_every_image_is_learned_from_or_held_out(digits):
    pixels, _ = load_digits(return_X_y=True)
    mean = np.float32(digits.images.reshape(-1, 64) * 2 - digits.inputs["digits"])[0]
    assert digits.x.shape == (1297, 64)
    assert digits.images.shape == (500, 8, 8)
    everything = np.concatenate([digits.x + mean, digits.images.reshape(-1, 64) * 2])
    gray = np.sort(np.round(8 * everything), axis=0)
    np.testing.assert_array_equal(gray, np.sort(pixels, axis=0))


def test_training_images_are_centered(digits):
    np.testing.assert_allclose(digits.x.mean(axis=0), 0, atol=1e-6)
    assert digits.x.dtype == np.float32
    assert digits.targets.dtype == np.int32


def test_classes_are_spread_evenly(digits):
    shares = [np.bincount(t) / len(t) for t in (digits.targets, digits.answers)]
    np.testing.assert_allclose(*shares, atol=2e-3)


def test_shuffled_digits_have_the_ink_of_digits(digits):
    mean = digits.images.reshape(-1, 64) * 2 - digits.inputs["digits"]
    shuffled = digits.inputs["shuffled"] + mean
    original = digits.inputs["digits"] + mean
    np.testing.assert_allclose(
        np.sort(shuffled, axis=1), np.sort(original, axis=1), atol=1e-6
    )
    assert not rows(np.round(8 * shuffled)) & rows(np.round(8 * original))


def test_noise_is_as_bright_as_pixels_can_be(digits):
    mean = digits.images.reshape(-1, 64) * 2 - digits.inputs["digits"]
    noise = digits.inputs["noise"] + mean
    assert noise.min() >= -1e-6
    assert 1.99 < noise.max() <= 2 + 1e-6
    assert noise.mean() == pytest.approx(1, abs=0.02)


def test_seed_chooses_the_split(digits):
    again, other = load(0), load(1)
    np.testing.assert_array_equal(again.x, digits.x)
    np.testing.assert_array_equal(again.inputs["shuffled"], digits.inputs["shuffled"])
    assert np.any(other.answers != digits.answers)


def test_moved_converts_what_networks_are_given(digits, library):
    moved = digits.moved(lambda host: library.asarray(host, host.dtype.name))
    kind = type(library.asarray([1.0]))
    arrays = [moved.x, moved.targets, *moved.inputs.values()]
    assert all(isinstance(array, kind) for array in arrays)
    np.testing.assert_array_equal(library.to_numpy(moved.x), digits.x)
    assert moved.answers is digits.answers
