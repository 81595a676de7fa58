import numpy as np
import pytest
from scipy.stats import norm, t

from varlayers.dispatch import kernels_for
from varlayers.divergences.samples import (
    check_num_samples,
    lacks_density,
    mean_over_samples,
)
from varlayers.posteriors import MeanFieldNormal, Point
from varlayers.priors import NormalPrior, StudentTPrior, Unused
from varlayers.types import Comparison

LOC, SCALE, SLOPE = np.abs(np.random.default_rng(0).normal(size=(3, 3, 2)))
EPS = np.random.default_rng(1).normal(size=(4, 3, 2))
K = kernels_for(LOC)


def cube(k, ratio):
    return ratio**3, 3 * ratio**2


def mean(function, prior, params, weight=0.0):
    q = (LOC, SCALE, SLOPE)
    pair = Comparison(MeanFieldNormal(), prior, q, params, 1, tuple(EPS))
    zeros = {"loc": np.zeros_like(LOC), "rho": np.zeros_like(LOC)}
    return mean_over_samples(K, pair, weight, zeros, function)


def test_value_is_the_mean_of_the_function_of_scipys_ratio():
    w = LOC + SCALE * EPS
    log_ratio = norm(LOC, SCALE).logpdf(w) - t(3, 0.1, 2).logpdf(w)
    value, _, _ = mean(cube, StudentTPrior(0.1, 2), {})
    expected = np.mean(np.sum(log_ratio, axis=(1, 2)) ** 3)
    assert value == pytest.approx(expected, rel=1e-12)


def test_gradient_by_the_prior_passes_through_the_function():
    prior, h = NormalPrior(0.1, 2, trainable=("loc", "scale")), 1e-5
    start = prior.init(K, LOC)
    _, _, dprior = mean(cube, prior, start, 0.7)
    for name in start:
        above, below = (
            mean(cube, prior, {**start, name: start[name] + step})[0]
            for step in (h, -h)
        )
        numeric = 0.7 * (above - below) / (2 * h)
        assert dprior[name] == pytest.approx(numeric, rel=1e-6)


def test_says_what_a_ratio_needs():
    assert lacks_density(MeanFieldNormal(), NormalPrior()) is None
    assert lacks_density(Point(), NormalPrior()) == "a posterior with a density"
    unused = Unused(NormalPrior())
    assert lacks_density(MeanFieldNormal(), unused) == "a prior with a density"


@pytest.mark.parametrize("count", [0, -1, 1.5, True, "2"])
def test_refuses_other_counts(count):
    check_num_samples("Owner", 3)
    message = f"Owner expected an integer `num_samples` >= 1, got {count!r}"
    with pytest.raises(ValueError, match=message):
        check_num_samples("Owner", count)
