"""The picture is drawn, whatever the outcomes; what it says is what they say."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from support.outcomes import COUNT, make_outcomes

from varlayers.demo.data import load
from varlayers.demo.picture import draw


@pytest.fixture(scope="module")
def digits():
    host = load(0)
    return host._replace(answers=host.answers[:COUNT], images=host.images[:COUNT])


@pytest.fixture
def figures(monkeypatch):
    """The figures saved during a test."""
    saved, savefig = [], Figure.savefig

    def spy(figure, *args, **kwargs):
        saved.append(figure)
        return savefig(figure, *args, **kwargs)

    monkeypatch.setattr(Figure, "savefig", spy)
    return saved


@pytest.mark.parametrize("errors", [0, 2, COUNT])
def test_a_png_is_written(errors, digits, tmp_path):
    path = tmp_path / "picture.png"
    draw(digits, make_outcomes(errors), path)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert path.stat().st_size > 20_000


def test_headings_say_the_findings(digits, tmp_path, figures):
    draw(digits, make_outcomes(), tmp_path / "picture.png")
    top, bottom = figures[0].subfigs
    headings = [part.get_suptitle() for part in (*top.subfigs, bottom)]
    assert headings == [
        "Calibration error 0.062;\nwithout uncertainty 0.062",
        "Doubt tells non-digits from digits: AUROC 0.750;\nwithout uncertainty 0.750",
        "2 of its 2 errors in 12 are among the 8 digits that the Bayesian network "
        "doubts most",
    ]


def test_most_doubted_digits_come_first(digits, tmp_path, figures):
    outcomes = make_outcomes()
    draw(digits, outcomes, tmp_path / "picture.png")
    _, bottom = figures[0].subfigs
    images, bars = bottom.axes[:8], bottom.axes[8:]
    for column, axes in enumerate(images):
        (image,) = axes.get_images()
        np.testing.assert_array_equal(image.get_array(), digits.images[column])
        said = outcomes["Bayesian"].probabilities[column].argmax()
        assert axes.get_title() == f"{digits.answers[column]}, read as {said}"
    heights = [bar.get_height() for bar in bars[0].patches]
    np.testing.assert_allclose(heights, outcomes["Bayesian"].probabilities[0])
