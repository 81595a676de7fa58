"""Train one network, ask it about test digits and non-digits, keep what it says.

The outcome is on the host, whatever library the network ran on: it is for reading.
"""

from typing import Any, NamedTuple

import numpy as np

from varlayers import metrics
from varlayers.demo.data import Digits
from varlayers.dispatch import kernels_for
from varlayers.elbo import ELBO
from varlayers.optimizers import Adam, schedules
from varlayers.prediction import Prediction, predict
from varlayers.random import Key, fold_in
from varlayers.training import fit

__all__ = ["LEVEL", "Outcome", "trial"]

LEVEL = 0.9

_BATCH_SIZE = 128
_LEARNING_RATE = 0.01
_SAMPLES = 100


class Outcome(NamedTuple):
    """What one network says; n counts the test digits.

    Attributes:
        probabilities: of each class, (n, 10).
        lower: end of their credible interval of probability `LEVEL`, (n, 10).
        upper: its other end.
        wrong: whether the most probable class is not the digit, (n,).
        measure: of doubt, in words: the mutual information of target and weights, or
            the entropy where weights have no uncertainty.
        doubt: the measure by kind of input, "digits", "shuffled" and "noise"; in nats.
        accuracy: the part of right answers.
        nll: minus the log-probability of the digit, the mean in nats.
        calibration_error: the expected one, in 15 bins.
    """

    probabilities: Any
    lower: Any
    upper: Any
    wrong: Any
    measure: str
    doubt: dict[str, Any]
    accuracy: float
    nll: float
    calibration_error: float

    @property
    def non_digits(self) -> Any:
        """The doubt about everything that is no digit."""
        return np.concatenate([self.doubt["shuffled"], self.doubt["noise"]])

    @property
    def separation(self) -> float:
        """The AUROC of doubt for telling non-digits from test digits."""
        return metrics.auroc(self.doubt["digits"], self.non_digits)


def trial(
    elbo: ELBO, digits: Digits, *, key: Key, epochs: int, progress: bool | None = None
) -> Outcome:
    """Train a network, predict, and return the outcome.

    Args:
        elbo: the network and its objective.
        digits: arrays of the library to run on.
        key: gives the first weights, the order of the images and all noise.
        epochs: passes over the training images, >= 1.
        progress: as for `fit`.
    """
    from threadpoolctl import threadpool_limits  # scikit-learn brings it

    with threadpool_limits(1):  # matrices this small are slower on many threads
        predictions = _predictions(elbo, digits, key, epochs, progress)
    has_noise = any(elbo.draw(key, digits.inputs["digits"]))
    measure = "mutual_information" if has_noise else "entropy"
    return _outcome(predictions, digits.answers, measure)


def _predictions(
    elbo: ELBO, digits: Digits, key: Key, epochs: int, progress: bool | None
) -> dict[str, Prediction]:
    steps = epochs * -(-elbo.num_data // _BATCH_SIZE)
    state = fit(
        elbo,
        digits.x,
        digits.targets,
        key=key,
        epochs=epochs,
        batch_size=_BATCH_SIZE,
        optimizer=Adam(schedules.Cosine(_LEARNING_RATE, steps)),
        progress=progress,
    )
    return {
        kind: predict(
            elbo,
            state["params"],
            x,
            key=fold_in(key, 4),
            num_samples=_SAMPLES,
            level=LEVEL,
        )
        for kind, x in digits.inputs.items()
    }


def _outcome(predictions: dict[str, Prediction], answers: Any, measure: str) -> Outcome:
    digits = predictions["digits"]
    host = kernels_for(digits.mean).to_numpy
    lower, upper = digits.credible_interval or (digits.mean, digits.mean)
    probabilities = host(digits.mean)
    return Outcome(
        probabilities=probabilities,
        lower=host(lower),
        upper=host(upper),
        wrong=probabilities.argmax(axis=1) != answers,
        measure=measure.replace("_", " "),
        doubt={kind: host(getattr(p, measure)) for kind, p in predictions.items()},
        accuracy=metrics.accuracy(probabilities, answers),
        nll=metrics.nll(probabilities, answers),
        calibration_error=metrics.expected_calibration_error(probabilities, answers),
    )
