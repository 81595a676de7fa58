import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from varlayers.metrics import auroc


@pytest.mark.parametrize("levels", [3, 10_000])
@pytest.mark.parametrize("seed", range(3))
def test_auroc_is_scikit_learns(levels, seed):
    rng = np.random.default_rng(seed)
    negative = rng.integers(levels, size=40).astype(float)
    positive = rng.integers(levels, size=60) + levels / 10
    labels = np.repeat([0, 1], [40, 60])
    desired = roc_auc_score(labels, np.concatenate([negative, positive]))
    assert auroc(negative, positive) == pytest.approx(desired, rel=1e-13)


def test_auroc_counts_pairs_and_half_the_ties():
    negative, positive = np.asarray([0.0, 1.0, 1.0, 5.0]), np.asarray([1.0, 2.0, 5.0])
    pairs = [(p > n) + (p == n) / 2 for n in negative for p in positive]
    assert auroc(negative, positive) == pytest.approx(np.mean(pairs), rel=1e-15)


def test_told_apart_or_not():
    low, high = np.asarray([[0.0, 1.0]]), np.asarray([2, 3, 4])
    assert auroc(low, high) == 1
    assert auroc(high, low) == 0
    assert auroc(low, low) == 0.5
    assert auroc(np.asarray([-np.inf]), np.asarray([np.inf])) == 1
