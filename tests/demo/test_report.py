"""The tables hold the outcomes' figures, in their places."""

import pytest
from support.outcomes import make_outcomes

from varlayers.demo.networks import BAYESIAN, DETERMINISTIC
from varlayers.demo.report import report


def line(text, start):
    (found,) = [line for line in text.splitlines() if line.startswith(start)]
    return found.removeprefix(start).split()


def test_scores():
    text = report(make_outcomes())
    assert line(text, "12 test digits") == ["accuracy", "NLL", "calibration", "error"]
    assert line(text, f"{BAYESIAN}  ") == ["83.3%", "0.125", "0.062"]


def test_doubts():
    text = report(make_outcomes())
    doubts = ["0.50", "0.95", "0.50", "2.00", "0.750", "1.000"]
    assert line(text, f"{BAYESIAN}: mutual information") == doubts
    assert line(text, f"{DETERMINISTIC}: entropy") == doubts


@pytest.mark.parametrize(("errors", "mean"), [(0, "none"), (12, "0.50")])
def test_nothing_to_tell_apart(errors, mean):
    figures = line(report(make_outcomes(errors)), f"{DETERMINISTIC}: entropy")
    assert (figures[1], figures[-1]) == (mean, "none")


def test_columns_are_aligned():
    for table in report(make_outcomes()).split("\n\n")[:2]:
        head, rule, *rows = table.splitlines()
        assert {len(row) for row in rows} == {len(head)} == {len(rule)}
