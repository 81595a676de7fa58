"""Scikit-learn's handwritten digits, and inputs that are no digits.

1,797 images of 8 × 8 pixels come with scikit-learn: nothing is downloaded. 500 are held
out. What a network should not be sure about is made of these: every test image with its
pixels shuffled (as much ink, no digit), and as many images of uniform noise.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from varlayers.types import Array

__all__ = ["Digits", "load"]

_HELD_OUT = 500


class Digits(NamedTuple):
    """Images as rows of 64 pixels in units of 8 grey levels, minus the training mean.

    Attributes:
        x: training images, (n, 64), float32.
        targets: which digit each of them is, (n,), int32.
        inputs: images to predict, (500, 64) each: "digits", "shuffled", "noise".
        answers: which digit each of the "digits" is, (500,), a NumPy array.
        images: the "digits" as drawn, (500, 8, 8), from 0 to 1, a NumPy array.
    """

    x: Array
    targets: Array
    inputs: dict[str, Array]
    answers: Any
    images: Any

    def moved(self, asarray: Callable[[Any], Array]) -> "Digits":
        """Return the same data with what networks are given in another library."""
        inputs = {kind: asarray(rows) for kind, rows in self.inputs.items()}
        return self._replace(
            x=asarray(self.x), targets=asarray(self.targets), inputs=inputs
        )


def load(seed: int) -> Digits:
    """Return the digits, in a split that belongs to the seed, as NumPy arrays."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    pixels, targets = load_digits(return_X_y=True)
    x, test, targets, answers = train_test_split(
        pixels.astype(np.float32) / 8,
        targets.astype(np.int32),
        test_size=_HELD_OUT,
        stratify=targets,
        random_state=seed,
    )
    rng = np.random.default_rng(seed)
    kinds = {
        "digits": test,
        "shuffled": rng.permuted(test, axis=1),
        "noise": 2 * rng.uniform(size=test.shape).astype(np.float32),
    }
    mean = x.mean(axis=0)
    inputs = {kind: rows - mean for kind, rows in kinds.items()}
    return Digits(x - mean, targets, inputs, answers, test.reshape(-1, 8, 8) / 2)
