import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm
from sklearn.metrics import root_mean_squared_error

from varlayers.metrics import (
    crps_ensemble,
    crps_normal,
    interval_coverage,
    normal_mixture_nll,
    rmse,
)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def pairwise_crps(samples, target, fair):
    s = len(samples)
    spread = sum(abs(a - b) for a in samples for b in samples)
    error = sum(abs(a - target) for a in samples) / s
    return error - spread / (2 * s * (s - 1 if fair else s))


def test_rmse_is_scikit_learns(rng):
    y, t = rng.normal(size=(2, 30))
    assert rmse(y, t) == pytest.approx(root_mean_squared_error(t, y), rel=1e-14)
    assert rmse(y.reshape(5, 6), t.reshape(5, 6)) == pytest.approx(rmse(y, t))


def test_coverage_counts_both_ends():
    low, high = np.zeros(4), np.ones(4)
    assert interval_coverage(low, high, np.asarray([0, 1, -0.1, 1.1])) == 0.5
    assert interval_coverage(low - np.inf, high + np.inf, low) == 1


def test_coverage_of_normal_intervals(rng):
    t = rng.normal(size=(100, 200))
    bound = np.full(t.shape, norm.ppf(0.95))
    assert interval_coverage(-bound, bound, t) == pytest.approx(0.9, abs=0.01)


def test_an_interval_the_wrong_way_round_is_refused():
    with pytest.raises(ValueError, match="expected `lower` <= `upper`"):
        interval_coverage(np.asarray([0.0, 2.0]), np.ones(2), np.ones(2))


def test_crps_normal_is_its_integral():
    m, s, t = 0.3, 0.7, 1.1
    below, _ = quad(lambda u: norm.cdf(u, m, s) ** 2, -10, t)
    above, _ = quad(lambda u: norm.sf(u, m, s) ** 2, t, 10)
    figure = crps_normal(np.asarray([m]), np.asarray([s]), np.asarray([t]))
    assert figure == pytest.approx(below + above, rel=1e-7)


def test_crps_normal_is_scoringrules(rng):
    scoringrules = pytest.importorskip(
        "scoringrules", reason="scoringrules is not installed"
    )
    m, s, t = rng.normal(size=50), rng.gamma(2.0, size=50), rng.normal(size=50)
    desired = np.mean(scoringrules.crps_normal(t, m, s))
    assert crps_normal(m, s, t) == pytest.approx(desired, rel=1e-9)


def test_crps_normal_of_a_point_is_the_error():
    m, t = np.asarray([1.0, 2.0]), np.asarray([1.5, 0.0])
    assert crps_normal(m, np.asarray([0.0, 0.0]), t) == 1.25
    assert crps_normal(m, 0.0, t) == 1.25
    assert crps_normal(m, 1e-12, t) == pytest.approx(1.25, rel=1e-11)


@pytest.mark.parametrize("fair", [False, True])
@pytest.mark.parametrize("s", [2, 3, 8])
def test_crps_ensemble_is_the_sum_over_pairs(s, fair, rng):
    x, t = rng.normal(size=(s, 4, 2)), rng.normal(size=(4, 2))
    desired = np.mean(
        [pairwise_crps(x[:, i, j], t[i, j], fair) for i in range(4) for j in range(2)]
    )
    assert crps_ensemble(x, t, fair=fair) == pytest.approx(desired, rel=1e-12)


@pytest.mark.parametrize(("fair", "estimator"), [(False, "nrg"), (True, "fair")])
def test_crps_ensemble_is_scoringrules(fair, estimator, rng):
    scoringrules = pytest.importorskip(
        "scoringrules", reason="scoringrules is not installed"
    )
    x, t = rng.normal(size=(7, 20)), rng.normal(size=20)
    desired = np.mean(scoringrules.crps_ensemble(t, x, m_axis=0, estimator=estimator))
    assert crps_ensemble(x, t, fair=fair) == pytest.approx(desired, rel=1e-9)


def test_the_fair_crps_is_unbiased(rng):
    t = rng.normal(size=1)
    x = rng.normal(size=(3, 40_000))
    true = crps_normal(np.zeros(1), 1.0, t)
    fair = crps_ensemble(x, np.repeat(t, 40_000))
    standard = crps_ensemble(x, np.repeat(t, 40_000), fair=False)
    assert fair == pytest.approx(true, abs=0.015)
    assert standard > true + 0.1


def test_crps_ensemble_far_from_zero_keeps_its_digits():
    x, t = np.asarray([[0.0], [0.5], [1.5]]), np.asarray([0.25])
    shift = 2.0**40
    assert crps_ensemble(x + shift, t + shift) == crps_ensemble(x, t)


def test_one_sample_is_a_point():
    x, t = np.asarray([[1.0, 2.0]]), np.asarray([1.5, 0.0])
    assert crps_ensemble(x, t, fair=False) == 1.25
    with pytest.raises(
        ValueError, match=r"at least 2 `samples`, got 1\. Or pass fair="
    ):
        crps_ensemble(x, t)


def test_one_normal_is_scipys(rng):
    m, t = rng.normal(size=(1, 20)), rng.normal(size=20)
    desired = -norm.logpdf(t, m[0], 0.3).mean()
    assert normal_mixture_nll(m, 0.3, t) == pytest.approx(desired, rel=1e-13)


def test_a_mixture_averages_densities(rng):
    m, s, t = (
        rng.normal(size=(5, 20)),
        rng.gamma(2.0, size=(5, 20)),
        rng.normal(size=20),
    )
    desired = -np.log(norm.pdf(t, m, s).mean(axis=0)).mean()
    assert normal_mixture_nll(m, s, t) == pytest.approx(desired, rel=1e-13)


def test_a_mixture_far_from_the_target_is_finite():
    figure = normal_mixture_nll(np.asarray([[0.0], [1.0]]), 1.0, np.asarray([1e3]))
    assert figure == pytest.approx(-norm.logpdf(999) + math.log(2), rel=1e-14)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: rmse(x, x[0]),
        lambda x: interval_coverage(x, x, x[0]),
        lambda x: interval_coverage(x, x[0], x),
        lambda x: crps_normal(x, 1.0, x[0]),
    ],
)
def test_shapes_that_would_broadcast_are_refused(call):
    with pytest.raises(ValueError, match=r"of the same shape, got .*\(3,\)"):
        call(np.ones((2, 3)))


@pytest.mark.parametrize(
    "call", [crps_ensemble, lambda x, t: normal_mixture_nll(x, 1, t)]
)
@pytest.mark.parametrize("shape", [(3,), (4, 2), (4, 3, 1)])
def test_samples_of_another_shape_are_refused(call, shape):
    with pytest.raises(ValueError, match=r"of shape \(s, 3\), got \("):
        call(np.ones(shape), np.ones(3))


def test_samples_without_an_axis_are_refused():
    with pytest.raises(ValueError, match=r"`samples` of shape \(s\), got \(\)"):
        crps_ensemble(np.ones(()), np.ones(()))


@pytest.mark.parametrize("shape", [(1,), (2,), (3, 3)])
def test_scales_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=r"`scale` a number or of shape \(3,\), got"):
        crps_normal(np.ones(3), np.ones(shape), np.ones(3))
    with pytest.raises(
        ValueError, match=r"`scales` a number or of shape \(2, 3\), got"
    ):
        normal_mixture_nll(np.ones((2, 3)), np.ones(shape), np.ones(3))


def test_scales_out_of_range_are_refused():
    with pytest.raises(ValueError, match="crps_normal expected `scale` >= 0, got -1"):
        crps_normal(np.ones(2), np.asarray([1.0, -1.0]), np.ones(2))
    for scale in (0.0, -1.0):
        with pytest.raises(ValueError, match=f"expected `scales` > 0, got {scale:.3g}"):
            normal_mixture_nll(np.ones((2, 2)), scale, np.ones(2))
