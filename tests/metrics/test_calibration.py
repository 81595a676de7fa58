import numpy as np
import pytest

from varlayers.metrics import expected_calibration_error, reliability


def problem(n=200, classes=4, seed=0):
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.ones(classes), size=n), rng.integers(classes, size=n)


def by_hand(p, t, bins):
    """Return the calibration error, one row and one bin at a time."""
    inside = [[] for _ in range(bins)]
    for row, target in zip(p, t, strict=True):
        confidence, index = max(row), 0
        while confidence > (index + 1) / bins:
            index += 1
        inside[index].append((confidence, np.argmax(row) == target))
    error = 0.0
    for rows in inside:
        confidence = sum(c for c, _ in rows)
        right = sum(r for _, r in rows)
        error += abs(right - confidence) / len(p)
    return error


@pytest.mark.parametrize("bins", [1, 2, 10, 15, 100])
@pytest.mark.parametrize("seed", range(3))
def test_error_is_that_by_hand(bins, seed):
    p, t = problem(seed=seed)
    error = expected_calibration_error(p, t, bins)
    assert error == pytest.approx(by_hand(p, t, bins), rel=1e-12)


def test_fifteen_bins_unless_told():
    p, t = problem()
    assert expected_calibration_error(p, t) == expected_calibration_error(p, t, 15)
    assert reliability(p, t).count.shape == (15,)


def test_an_edge_belongs_to_the_bin_below():
    p = np.asarray([[0.5, 0.5], [0.75, 0.25], [1.0, 0.0]])
    assert list(reliability(p, np.asarray([0, 0, 0]), 4).count) == [0, 1, 1, 1]


def test_a_confidence_rounded_above_one_is_in_the_last_bin():
    p = np.asarray([[1 + 1e-7, 0.0], [0.5, 0.5]])
    assert list(reliability(p, np.asarray([0, 0]), 4).count) == [0, 1, 0, 1]


def test_reliability_of_a_few_rows():
    p = np.asarray([[0.6, 0.4], [0.3, 0.7], [0.9, 0.1]])
    edges, confidence, accuracy, count = reliability(p, np.asarray([0, 0, 0]), 4)
    np.testing.assert_array_equal(edges, [0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(confidence, [np.nan, np.nan, 0.65, 0.9], rtol=1e-15)
    np.testing.assert_array_equal(accuracy, [np.nan, np.nan, 0.5, 1])
    np.testing.assert_array_equal(count, [0, 0, 2, 1])


def test_certain_and_right_or_wrong():
    p = np.eye(3)
    assert expected_calibration_error(p, np.asarray([0, 1, 2])) == 0
    assert expected_calibration_error(p, np.asarray([1, 2, 0])) == 1


def test_a_calibrated_model_has_a_small_error():
    rng = np.random.default_rng(0)
    p, _ = problem(n=50_000)
    t = (rng.random(50_000)[:, None] > np.cumsum(p, axis=1)).sum(axis=1)
    assert expected_calibration_error(p, t) < 0.01
    assert expected_calibration_error(p, np.roll(t, 1)) > 0.2


def test_nan_makes_the_last_bin_nan():
    p, t = problem(n=20)
    p[3, 0] = np.nan
    result = reliability(p, t)
    assert np.isnan(result.confidence[-1])
    assert np.isnan(result.accuracy[-1])
    assert result.count.shape == (15,)
    assert result.count.sum() == 20
    assert np.isnan(expected_calibration_error(p, t))


@pytest.mark.parametrize("metric", [reliability, expected_calibration_error])
def test_bins_are_checked(metric):
    name = metric.__name__
    with pytest.raises(ValueError, match=f"{name} expected `bins` >= 1, got 0"):
        metric(*problem(), bins=0)
    with pytest.raises(TypeError, match=f"{name} expected an integer `bins`, got 2.0"):
        metric(*problem(), bins=2.0)
