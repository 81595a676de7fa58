"""How good predicted numbers are: error, coverage, and proper scores in two units.

    crps   ∫ (F(u) − [u >= t])² du     in units of the target; |error| for a point
    nll    −log p(t)                   in nats

Every element of the targets is a prediction of its own, and all are averaged. Arguments
must have the same shape, but a scale may be one number. A NaN gives NaN.

Reference: Gneiting & Raftery (2007), "Strictly proper scoring rules, prediction, and
estimation", doi:10.1198/016214506000001437; Ferro (2014), "Fair scores for ensemble
forecasts", doi:10.1002/qj.2270.
"""

import math
from typing import Any

import numpy as np

from varlayers.metrics.hosts import check_same_shape, to_host
from varlayers.types import Array

__all__ = [
    "crps_ensemble",
    "crps_normal",
    "interval_coverage",
    "normal_mixture_nll",
    "rmse",
]


def rmse(predictions: Array, targets: Array) -> float:
    """Return the root of the mean squared error, in units of the targets.

    Raises:
        ValueError: if the arguments are empty or their shapes differ.
    """
    y = to_host("rmse", "predictions", predictions)
    t = to_host("rmse", "targets", targets)
    check_same_shape("rmse", predictions=y, targets=t)
    return math.sqrt(np.mean((y - t) ** 2))


def interval_coverage(lower: Array, upper: Array, targets: Array) -> float:
    """Return the fraction of targets in [lower, upper], both ends included.

    Raises:
        ValueError: if the arguments are empty, their shapes differ, or an interval
            ends before it starts.
    """
    owner = "interval_coverage"
    low, high = to_host(owner, "lower", lower), to_host(owner, "upper", upper)
    t = to_host(owner, "targets", targets)
    check_same_shape(owner, lower=low, upper=high, targets=t)
    if np.any(low > high):
        msg = f"{owner} expected `lower` <= `upper`, got them the wrong way round."
        raise ValueError(msg)
    inside = (low <= t) & (t <= high)
    return float(
        np.mean(np.where(np.isnan(low) | np.isnan(high) | np.isnan(t), np.nan, inside))
    )


def crps_normal(mean: Array, scale: Array, targets: Array) -> float:
    """Return the mean CRPS of N(mean, scale²), in units of the targets.

        scale (z (2 Φ(z) − 1) + 2 φ(z) − 1 / √π),   z = (t − mean) / scale

    and |t − mean|, its limit, where scale = 0.

    Raises:
        ValueError: if the arguments are empty, do not fit, or a scale is negative.
    """
    from scipy.special import erf

    owner = "crps_normal"
    m, t = to_host(owner, "mean", mean), to_host(owner, "targets", targets)
    check_same_shape(owner, mean=m, targets=t)
    s = _scale(owner, "scale", scale, m)
    if np.any(s < 0):
        msg = f"{owner} expected `scale` >= 0, got {np.nanmin(s):.3g}."
        raise ValueError(msg)
    z = (t - m) / np.where(s == 0, 1.0, s)
    density = np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
    score = s * (z * erf(z / math.sqrt(2)) + 2 * density - 1 / math.sqrt(math.pi))
    return float(np.mean(np.where(s == 0, np.abs(t - m), score)))


def crps_ensemble(samples: Array, targets: Array, *, fair: bool = True) -> float:
    """Return the mean CRPS of a predictive distribution, from samples of it.

        Σ_i |x_i − t| / s − Σ_ij |x_i − x_j| / (2 s (s − 1))

    is free of bias: its expectation is the CRPS of what the samples are drawn from. It
    can be negative. With `fair=False` the last divisor is 2 s²: the CRPS of the s
    samples themselves, as a forecast of equal weights.

    Args:
        samples: shape (s, ...), independent along axis 0.
        targets: shape (...).
        fair: whether to estimate without bias; needs s >= 2.

    Raises:
        ValueError: if the arguments are empty, do not fit, or s is too small.
    """
    owner = "crps_ensemble"
    x, t = _samples(owner, "samples", samples, targets)
    s = x.shape[0]
    if fair and s < 2:
        msg = f"{owner} expected at least 2 `samples`, got {s}. Or pass fair=False."
        raise ValueError(msg)
    errors = np.sort(x - t, axis=0)
    rank = np.arange(1 - s, s, 2).reshape(-1, *(1 for _ in t.shape))
    spread = np.sum(rank * errors, axis=0) / (s * (s - 1) if fair else s * s)
    return float(np.mean(np.mean(np.abs(errors), axis=0) - spread))


def normal_mixture_nll(means: Array, scales: Array, targets: Array) -> float:
    """Return minus the mean log density of the targets, in nats.

        −log (Σ_i N(t; mean_i, scale_i²) / s)

    The density of a Bayesian network's prediction, averaged over s posterior samples.

    Args:
        means: shape (s, ...).
        scales: shape (s, ...), or one number; > 0.
        targets: shape (...).

    Raises:
        ValueError: if the arguments are empty, do not fit, or a scale is not positive.
    """
    from scipy.special import logsumexp

    owner = "normal_mixture_nll"
    m, t = _samples(owner, "means", means, targets)
    s = _scale(owner, "scales", scales, m)
    if np.any(s <= 0):
        msg = f"{owner} expected `scales` > 0, got {np.nanmin(s):.3g}."
        raise ValueError(msg)
    log_density = -0.5 * ((t - m) / s) ** 2 - np.log(s) - 0.5 * math.log(2 * math.pi)
    return float(np.mean(math.log(m.shape[0]) - logsumexp(log_density, axis=0)))


def _samples(
    owner: str, argument: str, samples: Array, targets: Array
) -> tuple[Any, Any]:
    """Return samples (s, ...) and targets (...) on the host."""
    x, t = to_host(owner, argument, samples), to_host(owner, "targets", targets)
    if x.shape[1:] != t.shape or not x.ndim:
        wanted = ", ".join(["s", *map(str, t.shape)])
        msg = f"{owner} expected `{argument}` of shape ({wanted}), got {x.shape}."
        raise ValueError(msg)
    return x, t


def _scale(owner: str, argument: str, scale: Array, mean: Any) -> Any:
    """Return a scale on the host: a number, or shaped like the mean."""
    s = to_host(owner, argument, scale)
    if s.shape not in ((), mean.shape):
        msg = (
            f"{owner} expected `{argument}` a number or of shape {mean.shape}, "
            f"got {s.shape}."
        )
        raise ValueError(msg)
    return s
