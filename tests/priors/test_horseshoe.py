import numpy as np
import pytest
from scipy.special import exp1

from varlayers.dispatch import kernels_for
from varlayers.priors import HorseshoePrior

K = kernels_for(np.zeros(0))


def log_density(w, **settings):
    return HorseshoePrior(**settings).log_density(K, {}, w, 1)[0]


def test_density_is_the_horseshoes():
    """Its exact one is by the exponential integral; beyond 35 the asymptotic series."""
    w = np.concatenate([np.geomspace(1e-3, 35, 200), [100.0, 300.0]])
    x = 0.5 * w**2
    scaled = np.where(x < 600, np.exp(np.minimum(x, 600)) * exp1(np.minimum(x, 600)), 0)
    scaled = np.where(x < 600, scaled, (1 - 1 / x) / x)
    exact = np.log(scaled) - 0.5 * np.log(2 * np.pi**3)
    for sign in (-1, 1):
        np.testing.assert_allclose(log_density(sign * w), exact, rtol=0, atol=0.024)


def test_is_bounded_at_its_location():
    at_loc, near = log_density(np.array([0.3, 0.3 + 1e-6]), loc=0.3)
    assert at_loc == pytest.approx(near, abs=1e-4)
    assert at_loc < 2


def test_shrinks_what_is_small_and_spares_what_is_large():
    w = np.array([0.01, 30.0])
    _, pull, _ = HorseshoePrior().log_density(K, {}, w, 1)
    assert abs(pull[0]) > 20 * abs(pull[1])
    assert pull[1] == pytest.approx(-2 / 30, rel=0.1)
