"""Progress: a bar where tqdm is installed and wanted."""

import sys
from types import ModuleType

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


@pytest.mark.parametrize("place", ["a terminal", "a notebook", "a log"])
def test_a_bar_is_shown_where_somebody_looks(monkeypatch, capsys, place):
    pytest.importorskip("tqdm")
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    if place == "a notebook":
        monkeypatch.setitem(sys.modules, "ipykernel", ModuleType("ipykernel"))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: place == "a terminal")
    with Progress(4, 0, None) as bar:
        bar.advance()
    assert ("1/4" in capsys.readouterr().err) == (place != "a log")


def test_without_tqdm_a_bar_is_shown_only_if_wanted(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with Progress(4, 0, None) as bar:
        bar.advance()
    assert capsys.readouterr().err == ""
    with pytest.raises(ImportError, match=r"pip install varlayers\[progress\]"):
        Progress(4, 0, True)
