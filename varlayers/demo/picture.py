"""The demo's picture: is it calibrated, what does it doubt, which digits most?

reliability diagram   │  doubt about right, wrong and no digits, by network
──────────────────────┴────────────────────────────────────────────────────
the digits that the Bayesian network doubts most, and what it says of them
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from varlayers import metrics
from varlayers.demo.data import Digits
from varlayers.demo.networks import BAYESIAN, DETERMINISTIC, DROPOUT
from varlayers.demo.trial import LEVEL, Outcome

__all__ = ["draw"]

# Okabe and Ito's palette, told apart with any color vision.
_BLUE, _ORANGE, _VERMILION = "#0072B2", "#E69F00", "#D55E00"
_GREY, _PALE, _INK = "#8A8A8A", "#C9CED3", "#222222"
_MARKS = {
    BAYESIAN: (_BLUE, "o", _BLUE),
    DETERMINISTIC: (_VERMILION, "s", "none"),
    DROPOUT: (_INK, "^", "none"),
}
_GROUPS = {
    "digits read\nrightly": _BLUE,
    "digits read\nwrongly": _ORANGE,
    "no digits": _GREY,
}
_BINS = 5
_STYLE = {
    "axes.edgecolor": _GREY,
    "axes.labelcolor": _INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "font.size": 10,
    "legend.frameon": False,
    "text.color": _INK,
    "xtick.color": _GREY,
    "xtick.labelcolor": _INK,
    "ytick.color": _GREY,
    "ytick.labelcolor": _INK,
}
_COLUMNS = 8


def draw(digits: Digits, outcomes: Mapping[str, Outcome], path: Path) -> None:
    """Write the picture of the outcomes of all three networks as a PNG."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(_STYLE):
        figure: Any = Figure(figsize=(13, 9.5), layout="constrained", dpi=110)
        top, bottom = figure.subfigures(2, 1, height_ratios=(1.1, 1), hspace=0.06)
        left, right = top.subfigures(1, 2, width_ratios=(1, 2.1), wspace=0.03)
        _reliability(left, digits.answers, outcomes)
        _doubts(right, outcomes)
        _doubted(bottom, digits, outcomes[BAYESIAN])
        figure.savefig(path)


def _heading(figure: Any, text: str) -> None:
    figure.suptitle(text, x=0.01, horizontalalignment="left", fontweight="bold")


def _reliability(figure: Any, answers: Any, outcomes: Mapping[str, Outcome]) -> None:
    """Accuracy against confidence, with 90 % intervals; markers grow with the count."""
    errors = [outcomes[name].calibration_error for name in (BAYESIAN, DETERMINISTIC)]
    _heading(
        figure, "Calibration error {:.3f};\nwithout uncertainty {:.3f}".format(*errors)
    )
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=_GREY, linewidth=1, linestyle=(0, (4, 3)))
    axes.text(*(0.03, 0.09, "calibrated"), color=_GREY, rotation=46, fontsize=9)
    for name, outcome in outcomes.items():
        bins = metrics.reliability(outcome.probabilities, answers, _BINS)
        some = bins.count > 0
        x, y, n = (part[some] for part in (bins.confidence, bins.accuracy, bins.count))
        color, marker, face = _MARKS[name]
        axes.vlines(x, *_interval(y, n), color=color, linewidth=1.5, alpha=0.5)
        axes.scatter(
            *(x, y, 25 + 8 * np.sqrt(n)),
            edgecolor=color,
            facecolor=face,
            label=name,
            linewidth=1.5,
            marker=marker,
            zorder=3,
        )
    axes.set(xlim=(0, 1.04), ylim=(-0.04, 1.04))
    axes.set(xlabel="confidence", ylabel="accuracy")
    axes.legend(loc="upper left", handletextpad=0.2, borderaxespad=0.2)


def _interval(accuracy: Any, count: Any) -> tuple[Any, Any]:
    """Return where the accuracy lies with probability `LEVEL`, by Jeffreys's prior."""
    from scipy.special import betaincinv

    right, wrong = accuracy * count + 0.5, (1 - accuracy) * count + 0.5
    ends = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)
    low, high = (betaincinv(right, wrong, end) for end in ends)
    return low, high


def _doubts(figure: Any, outcomes: Mapping[str, Outcome]) -> None:
    """Histograms, each to its own peak: a row per group, a column per network."""
    scores = [outcomes[name].separation for name in (BAYESIAN, DETERMINISTIC)]
    text = (
        "Doubt tells non-digits from digits: AUROC {:.3f};\nwithout uncertainty {:.3f}"
    )
    _heading(figure, text.format(*scores))
    rows = figure.subplots(3, len(outcomes), sharex=True, sharey=True)
    for column, (name, outcome) in enumerate(outcomes.items()):
        digits, wrong = outcome.doubt["digits"], outcome.wrong
        groups = (digits[~wrong], digits[wrong], outcome.non_digits)
        for axes, values, color in zip(
            rows[:, column], groups, _GROUPS.values(), strict=True
        ):
            _histogram(axes, values, color)
        rows[0, column].set_title(f"{name} (AUROC {outcome.separation:.3f})")
        rows[-1, column].set_xlabel(f"{outcome.measure}, nats")
    for axes, label in zip(rows[:, 0], _GROUPS, strict=True):
        axes.set_ylabel(label, rotation=0, ha="right", va="center", color=_INK)


def _histogram(axes: Any, values: Any, color: str) -> None:
    edges = np.linspace(0, np.log(10), 36)
    height = np.histogram(values, edges)[0]
    axes.stairs(height / max(height.max(), 1), edges, fill=True, color=color)
    axes.set(yticks=[], ylim=(0, 1.25), xlim=(0, edges[-1]))
    axes.spines["left"].set_visible(False)
    axes.text(
        *(0.98, 0.95, f"{len(values)}, mean {_mean(values)}"),
        transform=axes.transAxes,
        horizontalalignment="right",
        verticalalignment="top",
        fontsize=9,
    )


def _mean(values: Any) -> str:
    return f"{values.mean():.2f}" if len(values) else "none"


def _doubted(figure: Any, digits: Digits, outcome: Outcome) -> None:
    """Images above, class probabilities with their credible intervals below."""
    most = np.argsort(-outcome.doubt["digits"])[:_COLUMNS]
    found, errors, n = (
        outcome.wrong[most].sum(),
        outcome.wrong.sum(),
        len(outcome.wrong),
    )
    _heading(
        figure,
        f"{found} of its {errors} errors in {n} are among the {_COLUMNS} digits that "
        "the Bayesian network doubts most",
    )
    images, bars = figure.subplots(2, _COLUMNS, height_ratios=(1, 1.15))
    for column, index in enumerate(most):
        _image(images[column], digits, outcome, index)
        _bars(bars[column], digits.answers[index], outcome, index)
        bars[column].set_yticks([0, 0.5, 1], ["0", "0.5", "1"] if not column else [])
    bars[0].set_ylabel("probability")
    figure.supxlabel(
        f"class: probability, {LEVEL:.0%} credible interval; the right one is blue",
        fontsize=10,
    )


def _image(axes: Any, digits: Digits, outcome: Outcome, index: int) -> None:
    answer, said = digits.answers[index], outcome.probabilities[index].argmax()
    axes.imshow(digits.images[index], cmap="gray_r", vmin=0, vmax=1)
    axes.set(xticks=[], yticks=[])
    axes.set_title(
        f"{answer}, read as {said}",
        loc="center",
        color=_VERMILION if said != answer else _INK,
    )
    for spine in axes.spines.values():
        spine.set(visible=True, color=_PALE)


def _bars(axes: Any, answer: int, outcome: Outcome, index: int) -> None:
    p, lower, upper = (
        part[index] for part in (outcome.probabilities, outcome.lower, outcome.upper)
    )
    colors = [_BLUE if digit == answer else _PALE for digit in range(len(p))]
    axes.bar(range(len(p)), p, color=colors, width=0.8)
    axes.vlines(range(len(p)), lower, upper, color=_INK, linewidth=1)
    axes.set(xticks=range(len(p)), ylim=(0, 1.02), xlim=(-0.7, len(p) - 0.3))
    axes.tick_params(axis="x", length=0, labelsize=8)
