"""Whether class probabilities mean what they say: reliability and calibration error.

The confidence of a row is its largest probability. Bin j of `bins` equal ones holds the
confidences in (j / bins, (j + 1) / bins]. In a calibrated model the accuracy of a bin
is its mean confidence.

    error = Σ_j count_j / n |accuracy_j − confidence_j|

The error is biased upwards: a calibrated model on few rows does not get 0. It depends
on the bins; compare figures of the same number of them.

Reference: Guo, Pleiss, Sun & Weinberger (2017), "On calibration of modern neural
networks", arXiv:1706.04599.
"""

from typing import Any, NamedTuple

import numpy as np

from varlayers.checks import check_size
from varlayers.metrics.hosts import as_rows
from varlayers.types import Array

__all__ = ["Reliability", "expected_calibration_error", "reliability"]


class Reliability(NamedTuple):
    """The rows of each bin of the confidence, NumPy arrays.

    Attributes:
        edges: of the bins, shape (bins + 1,), from 0 to 1.
        confidence: the mean in each bin, shape (bins,); NaN in an empty bin.
        accuracy: the fraction of right ones in each bin; NaN in an empty bin.
        count: the number of rows in each bin, integers.
    """

    edges: Any
    confidence: Any
    accuracy: Any
    count: Any


def reliability(probabilities: Array, targets: Array, bins: int = 15) -> Reliability:
    """Return confidence and accuracy by bins of the confidence.

    Args:
        probabilities: shape (..., c), rows that sum to one. A row with a NaN goes to
            the last bin, whose means are then NaN.
        targets: class indices (...) or rows (..., c), which stand for the most
            probable class.
        bins: >= 1.

    Raises:
        TypeError: if `bins` or the class indices are no integers.
        ValueError: if the arguments are empty, do not fit, are no probabilities, or
            bins < 1.
    """
    return _reliability("reliability", probabilities, targets, bins)


def expected_calibration_error(
    probabilities: Array, targets: Array, bins: int = 15
) -> float:
    """Return the mean distance between accuracy and confidence, from 0 to 1.

    Args:
        probabilities: shape (..., c), rows that sum to one. A NaN gives NaN.
        targets: class indices (...) or rows (..., c).
        bins: of equal width, >= 1.

    Raises:
        TypeError: if `bins` or the class indices are no integers.
        ValueError: if the arguments are empty, do not fit, are no probabilities, or
            bins < 1.
    """
    owner = "expected_calibration_error"
    _, confidence, accuracy, count = _reliability(owner, probabilities, targets, bins)
    gaps = np.abs(accuracy - confidence)[count > 0]
    return float(np.sum(gaps * count[count > 0]) / np.sum(count))


def _reliability(
    owner: str, probabilities: Array, targets: Array, bins: int
) -> Reliability:
    check_size(owner, "bins", bins)
    p, t = as_rows(owner, probabilities, targets)
    right = np.where(np.isnan(p + t).any(axis=1), np.nan, p.argmax(1) == t.argmax(1))
    edges = np.linspace(0.0, 1.0, bins + 1)
    bin_of = np.searchsorted(edges[1:-1], p.max(axis=1), side="left")
    count = np.bincount(bin_of, minlength=bins)
    return Reliability(
        edges,
        _bin_means(bin_of, p.max(axis=1), count),
        _bin_means(bin_of, right, count),
        count,
    )


def _bin_means(bin_of: Any, values: Any, count: Any) -> Any:
    total = np.bincount(bin_of, weights=values, minlength=count.size)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
