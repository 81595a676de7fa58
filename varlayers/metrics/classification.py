"""How good class probabilities are: accuracy, log score, Brier score.

All take probabilities (..., c), rows that sum to one, and targets (...), class indices
of an integer dtype, or (..., c), one-hot or probability rows; the average is over all
rows. A NaN gives NaN.

Reference: Brier (1950), "Verification of forecasts expressed in terms of probability";
Gneiting & Raftery (2007), "Strictly proper scoring rules, prediction, and estimation",
doi:10.1198/016214506000001437.
"""

import numpy as np

from varlayers.metrics.hosts import as_rows
from varlayers.types import Array

__all__ = ["accuracy", "brier", "nll"]

_FLOOR = 2.0**-52


def accuracy(probabilities: Array, targets: Array) -> float:
    """Return the fraction of rows whose most probable class is the target's.

    Of equally probable classes the first counts, in probabilities and targets.

    Raises:
        TypeError: if the class indices are no integers.
        ValueError: if the arguments are empty, do not fit, or are no probabilities.
    """
    p, t = as_rows("accuracy", probabilities, targets)
    right = np.argmax(p, axis=1) == np.argmax(t, axis=1)
    defined = ~np.isnan(p + t).any(axis=1)
    return float(np.mean(np.where(defined, right, np.nan)))


def nll(probabilities: Array, targets: Array, *, floor: float = _FLOOR) -> float:
    """Return the mean of −Σ t log p, in nats.

    Args:
        probabilities: shape (..., c).
        targets: shape (...) or (..., c).
        floor: a smaller p counts as this, 0 <= floor < 1. The default, 2**-52, bounds
            the score of one row by 36 nats; with 0 one row can make it infinite.

    Raises:
        TypeError: if the class indices are no integers.
        ValueError: if the arguments are empty, do not fit, or are no probabilities.
    """
    from scipy.special import xlogy

    if not 0 <= floor < 1:
        msg = f"nll expected 0 <= `floor` < 1, got {floor}."
        raise ValueError(msg)
    p, t = as_rows("nll", probabilities, targets)
    return float(np.mean(-np.sum(xlogy(t, np.maximum(p, floor)), axis=1)))


def brier(probabilities: Array, targets: Array) -> float:
    """Return the mean of Σ (p − t)² over the classes: 0 is best, 2 is worst.

    With two classes this is twice the score of the one probability.

    Raises:
        TypeError: if the class indices are no integers.
        ValueError: if the arguments are empty, do not fit, or are no probabilities.
    """
    p, t = as_rows("brier", probabilities, targets)
    return float(np.mean(np.sum((p - t) ** 2, axis=1)))
