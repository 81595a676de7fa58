"""Progress: a bar where tqdm is installed and wanted."""

import sys

import pytest

from varlayers.training.progress import Progress


def test_the_bar_shows_steps_and_figures(capsys):
    with Progress(4, 1, True) as bar:
        bar.advance()
        bar.show({"nll": [2.0, 0.51234], "kl": [30.0], "loss": [1.0]})
    shown = capsys.readouterr().err
    assert "2/4" in shown
    assert "nll=0.5123" in shown
    assert "kl=30" in shown
    assert "loss" not in shown


def test_no_bar_when_not_wanted(capsys):
    with Progress(4, 0, False) as bar:
        bar.advance()
        bar.show({})
    assert capsys.readouterr().err == ""


def test_without_tqdm_a_bar_is_shown_only_if_wanted(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with Progress(4, 0, None) as bar:
        bar.advance()
    assert capsys.readouterr().err == ""
    with pytest.raises(ImportError, match=r"pip install varlayers\[progress\]"):
        Progress(4, 0, True)
