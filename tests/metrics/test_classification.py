import math

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, log_loss

from varlayers.metrics import accuracy, brier, nll


@pytest.fixture
def problem():
    rng = np.random.default_rng(0)
    return rng.dirichlet(np.ones(4), size=50), rng.integers(4, size=50)


def test_accuracy_is_scikit_learns(problem):
    p, t = problem
    assert accuracy(p, t) == pytest.approx(accuracy_score(t, p.argmax(1)), rel=1e-15)


def test_of_equal_probabilities_the_first_counts():
    assert accuracy(np.full((2, 4), 0.25), np.asarray([0, 3])) == 0.5


def test_nll_is_scikit_learns(problem):
    p, t = problem
    assert nll(p, t) == pytest.approx(log_loss(t, p), rel=1e-13)


def test_nll_of_rows_is_the_cross_entropy(problem):
    p, _ = problem
    rows = np.random.default_rng(1).dirichlet(np.ones(4), size=50)
    desired = sum(-(t @ np.log(q)) for t, q in zip(rows, p, strict=True)) / 50
    assert nll(p, rows) == pytest.approx(desired, rel=1e-13)


def test_nll_is_clipped_at_the_floor():
    p, t = np.asarray([[1.0, 0.0], [0.0, 1.0]]), np.asarray([1, 1])
    assert nll(p, t) == 52 * math.log(2) / 2
    assert nll(p, t, floor=1e-3) == pytest.approx(-math.log(1e-3) / 2)
    assert nll(p, t, floor=0) == math.inf
    assert nll(p[1:], t[1:], floor=0) == 0


@pytest.mark.parametrize("floor", [-1e-9, 1.0, float("nan")])
def test_a_floor_out_of_range_is_refused(floor, problem):
    with pytest.raises(ValueError, match="nll expected 0 <= `floor` < 1, got"):
        nll(*problem, floor=floor)


def test_brier_is_the_sum_over_the_classes(problem):
    p, t = problem
    desired = 0.0
    for row, index in zip(p, t, strict=True):
        desired += sum((row[c] - (c == index)) ** 2 for c in range(4)) / 50
    assert brier(p, t) == pytest.approx(desired, rel=1e-13)


def test_brier_goes_from_zero_to_two():
    p = np.asarray([[1.0, 0.0, 0.0]])
    assert brier(p, np.asarray([0])) == 0
    assert brier(p, np.asarray([2])) == 2
