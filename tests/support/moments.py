"""Means of samples against their expectation, with a stated chance of a false alarm."""

import numpy as np
from scipy.stats import norm

FALSE_ALARM = 1e-9


def assert_mean(samples, expected, false_alarm=FALSE_ALARM):
    """Hold the mean of independent samples, along axis 0, against its expectation.

    Each entry's distance is measured in standard errors, which the samples give. The
    limit, 6 to 7 of them, is the one that a mean of normal samples would pass with the
    stated chance in any entry (Bonferroni). An entry that does not vary must be equal
    to rounding. The keys of a test are fixed, so a pass stays a pass.
    """
    mean = np.mean(samples, axis=0)
    error = np.std(samples, axis=0, ddof=1) / np.sqrt(len(samples))
    limit = norm.isf(false_alarm / (2 * max(error.size, 1)))
    distance = np.abs(mean - expected)
    allowed = limit * error + 1e-12 * np.max(np.abs(expected), initial=1.0)
    worst = np.max(distance / allowed, initial=0.0)
    assert np.all(distance <= allowed), (
        f"{worst * limit:.1f} standard errors",
        mean,
        expected,
    )
