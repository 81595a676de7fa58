"""How well a score tells two sets apart, such as an uncertainty in and out of domain.

    AUROC = P(positive > negative) + P(positive = negative) / 2

over all pairs: the area under the receiver operating characteristic, and the
Mann-Whitney statistic over the number of pairs.

Reference: Hanley & McNeil (1982), "The meaning and use of the area under a receiver
operating characteristic (ROC) curve".
"""

import numpy as np

from varlayers.metrics.hosts import to_host
from varlayers.types import Array

__all__ = ["auroc"]


def auroc(negative_scores: Array, positive_scores: Array) -> float:
    """Return the probability that a positive scores above a negative.

    Args:
        negative_scores: of the set that should score low, any shape.
        positive_scores: of the set that should score high, any shape.

    Returns:
        1 where the sets are told apart, 0.5 where the score says nothing, 0 where it
        is the wrong way round; a tie counts half. NaN if a score is NaN.

    Raises:
        ValueError: if a set is empty.
    """
    low = np.sort(to_host("auroc", "negative_scores", negative_scores), axis=None)
    high = np.ravel(to_host("auroc", "positive_scores", positive_scores))
    if np.isnan(low).any() or np.isnan(high).any():
        return float("nan")
    wins = np.searchsorted(low, high, side="left")
    wins_and_ties = np.searchsorted(low, high, side="right")
    return float(np.sum(wins + wins_and_ties) / (2 * low.size * high.size))
