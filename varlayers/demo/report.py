"""The demo's two tables: how good the answers are, and what is doubted."""

from collections.abc import Mapping, Sequence

from varlayers import metrics
from varlayers.demo.trial import Outcome

__all__ = ["report"]

_DOUBTS = (
    *("mean doubt about", "digits", "wrong ones", "shuffled", "noise"),
    *("AUROC: non-digits", "wrong ones"),
)
_NOTES = """\
Doubt is in nats. AUROC: how well it tells non-digits (shuffled, noise) from digits,
and wrong answers from right ones; 0.5 is chance, 1 is perfect."""


def report(outcomes: Mapping[str, Outcome]) -> str:
    """Return the tables of the outcomes, by network."""
    number = len(next(iter(outcomes.values())).wrong)
    scores = _table(
        [f"{number} test digits", "accuracy", "NLL", "calibration error"],
        {name: _scores(each) for name, each in outcomes.items()},
    )
    doubts = _table(
        _DOUBTS,
        {f"{name}: {each.measure}": _doubts(each) for name, each in outcomes.items()},
    )
    return f"{scores}\n\n{doubts}\n\n{_NOTES}"


def _scores(outcome: Outcome) -> list[str]:
    return [
        f"{outcome.accuracy:.1%}",
        f"{outcome.nll:.3f}",
        f"{outcome.calibration_error:.3f}",
    ]


def _doubts(outcome: Outcome) -> list[str]:
    doubt, wrong = outcome.doubt, outcome.wrong
    digits = doubt["digits"]
    figures = [f"{digits.mean():.2f}"]
    figures += [f"{digits[wrong].mean():.2f}" if wrong.any() else "none"]
    figures += [f"{doubt[kind].mean():.2f}" for kind in ("shuffled", "noise")]
    figures += [f"{outcome.separation:.3f}"]
    mixed = wrong.any() and not wrong.all()
    figures += [
        f"{metrics.auroc(digits[~wrong], digits[wrong]):.3f}" if mixed else "none"
    ]
    return figures


def _table(head: Sequence[str], rows: Mapping[str, Sequence[str]]) -> str:
    """Return aligned lines: names to the left, figures to the right."""
    lines = [list(head), *([name, *cells] for name, cells in rows.items())]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = [
        "  ".join(
            [line[0].ljust(widths[0])]
            + [
                cell.rjust(width)
                for cell, width in zip(line[1:], widths[1:], strict=True)
            ]
        )
        for line in lines
    ]
    return "\n".join([text[0], "-" * len(text[0]), *text[1:]])
