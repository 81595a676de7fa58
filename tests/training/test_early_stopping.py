"""EarlyStopping: a pure function of the history."""

import pytest

import varlayers as vl


@pytest.mark.parametrize(
    ("values", "best", "over"),
    [
        ([], None, False),
        ([3.0], 0, False),
        ([3.0, 2.0, 2.5], 1, False),
        ([3.0, 2.0, 2.5, 2.1], 1, True),
        ([3.0, 2.95, 2.91, 2.89], 3, False),  # each falls short, together they count
        ([float("nan"), 1.0, 2.0], 1, False),
    ],
)
def test_best_epoch_and_end(values, best, over):
    stopping = vl.EarlyStopping(patience=2, min_delta=0.1)
    history = {"validation_nll": values}
    assert stopping.best_epoch(history) == best
    assert stopping.is_over(history) is over


def test_a_history_without_validation_never_ends():
    assert not vl.EarlyStopping().is_over({"nll": [1.0]})


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"patience": 0}, ValueError, "expected `patience` >= 1, got 0"),
        ({"patience": 1.5}, TypeError, "expected an integer `patience`, got 1.5"),
        ({"min_delta": -1.0}, ValueError, "expected `min_delta` >= 0, got -1.0"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        vl.EarlyStopping(**arguments)
