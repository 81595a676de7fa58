"""Which weights say least: a score for each, and where to cut.

    criterion      score (what is low goes)     threshold removes
    "snr"          |loc| / scale                |loc| / scale < threshold
    "log alpha"    -log(scale² / loc²)          log alpha > threshold
    "magnitude"    |loc|                        |loc| < threshold

The first two put weights in the same order, log alpha = -2 log snr, and differ in what
a threshold means. A weight whose loc is 0 has the lowest score of all, so what was
pruned before goes again. A fraction removes round(fraction · n) of n weights, those of
equal score in their order.

References: Graves (2011), "Practical variational inference for neural networks", and
Blundell et al. (2015), arXiv:1505.05424, for the signal-to-noise ratio; Molchanov,
Ashukha & Vetrov (2017), arXiv:1701.05369, for log alpha.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

__all__ = ["CRITERIA", "Candidate", "kept_below", "kept_but", "scores"]

CRITERIA = ("log alpha", "magnitude", "snr")


class Candidate(NamedTuple):
    """A weight array that may be pruned, on the host, in float64."""

    name: str
    loc: Any
    scale: Any
    random: bool


def scores(candidates: Sequence[Candidate], criterion: str | None) -> list[Any]:
    """Return each weight's score, arrays shaped like the weights.

    Args:
        candidates: the weights that are compared.
        criterion: one of `CRITERIA`; None for "snr" where all of them are random and
            "magnitude" where none is.

    Raises:
        ValueError: if the criterion cannot compare them.
    """
    random = [one.name for one in candidates if one.random]
    fixed = [one.name for one in candidates if not one.random]
    if criterion is None and random and fixed:
        msg = (
            "prune expected weights of one kind to compare, got random ones, "
            f"{random}, and points, {fixed}. Choose the criterion 'magnitude', or "
            "scope='layer'."
        )
        raise ValueError(msg)
    if criterion in ("snr", "log alpha") and fixed:
        msg = (
            f"prune expected random weights for the criterion {criterion!r}, got "
            f"points, {fixed}. Choose 'magnitude'."
        )
        raise ValueError(msg)
    if criterion is None:
        criterion = "snr" if random else "magnitude"
    return [_score(one, criterion) for one in candidates]


def kept_but(scored: Sequence[Any], fraction: float) -> list[Any]:
    """Return what remains when a fraction goes, arrays of booleans."""
    flat = np.concatenate([np.ravel(score) for score in [np.zeros(0), *scored]])
    order = np.argsort(flat, kind="stable")
    kept = np.ones(flat.shape, bool)
    kept[order[: round(fraction * flat.size)]] = False
    ends = np.cumsum([score.size for score in scored])
    parts = np.split(kept, ends[:-1]) if len(scored) else []
    return [
        part.reshape(score.shape) for part, score in zip(parts, scored, strict=True)
    ]


def kept_below(
    scored: Sequence[Any], threshold: float, criterion: str | None
) -> list[Any]:
    """Return what remains when all beyond a threshold goes."""
    least = -threshold if criterion == "log alpha" else threshold
    return [score >= least for score in scored]


def _score(one: Candidate, criterion: str) -> Any:
    magnitude = np.abs(one.loc)
    if criterion == "magnitude":
        return magnitude
    zero = magnitude == 0
    quiet = ~zero & (one.scale == 0)  # known exactly: no noise about a mean
    plain = ~zero & ~quiet
    loc, scale = (np.where(plain, part, 1.0) for part in (magnitude, one.scale))
    if criterion == "snr":
        ratio, low = loc / scale, 0.0
    else:
        ratio, low = 2 * (np.log(loc) - np.log(scale)), -np.inf
    return np.where(plain, ratio, np.where(zero, low, np.inf))
