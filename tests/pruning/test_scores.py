"""Scores against their definitions, and the cuts."""

import numpy as np
import pytest

from varlayers.pruning.scores import Candidate, kept_below, kept_but, scores

LOC = np.array([[0.0, -2.0], [0.5, 1.0]])
SCALE = np.array([[0.1, 0.5], [0.5, 0.0]])
RANDOM = Candidate("0.kernel", LOC, SCALE, random=True)
POINT = Candidate("1.kernel", LOC, 0 * SCALE, random=False)


@pytest.mark.parametrize(
    ("criterion", "desired"),
    [
        ("snr", [[0, 4], [1, np.inf]]),
        ("log alpha", [[-np.inf, np.log(16)], [0, np.inf]]),
        ("magnitude", [[0, 2], [0.5, 1]]),
        (None, [[0, 4], [1, np.inf]]),
    ],
)
def test_random_weights(criterion, desired):
    (actual,) = scores([RANDOM], criterion)
    np.testing.assert_allclose(actual, desired, rtol=1e-15)


@pytest.mark.parametrize("criterion", ["magnitude", None])
def test_points(criterion):
    np.testing.assert_array_equal(scores([POINT], criterion)[0], np.abs(LOC))


def test_two_kinds_have_no_common_score_by_default():
    with pytest.raises(ValueError, match=r"\['0\.kernel'\], and points, \['1\.kernel'"):
        scores([RANDOM, POINT], None)
    assert len(scores([RANDOM, POINT], "magnitude")) == 2


@pytest.mark.parametrize("criterion", ["snr", "log alpha"])
def test_points_have_no_ratio(criterion):
    message = rf"criterion '{criterion}', got points, \['1\.kernel'\]\. Choose 'magn"
    with pytest.raises(ValueError, match=message):
        scores([RANDOM, POINT], criterion)


@pytest.mark.parametrize(("fraction", "gone"), [(0, 0), (0.5, 3), (0.3, 2), (1, 6)])
def test_a_fraction_is_exact_even_among_equals(fraction, gone):
    kept = kept_but([np.ones((2, 2)), np.ones(2)], fraction)
    assert [part.shape for part in kept] == [(2, 2), (2,)]
    assert sum(np.sum(~part) for part in kept) == gone


def test_the_lowest_of_all_go_first():
    one, other = kept_but([np.array([3.0, 1.0]), np.array([[0.5], [2.0]])], 0.5)
    assert one.tolist() == [True, False]
    assert other.tolist() == [[False], [True]]


def test_no_weights_at_all():
    assert kept_but([], 0.5) == []
    assert kept_below([], 0.5, "snr") == []


def test_a_threshold_keeps_what_reaches_it():
    score = np.array([0.9, 1.0, 1.1])
    assert kept_below([score], 1.0, "snr")[0].tolist() == [False, True, True]
    # scores are minus log alpha: of 3.1, 3 and -2, what exceeds 3 goes
    log_alpha = np.array([3.1, 3.0, -2.0])
    kept = kept_below([-log_alpha], 3.0, "log alpha")[0]
    assert kept.tolist() == [False, True, True]
