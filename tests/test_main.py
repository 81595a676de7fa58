"""The command line: the whole job in little, and what it says to bad arguments."""

import importlib.util
import sys

import pytest

from varlayers import __main__ as cli
from varlayers.demo.data import load


def test_whole_job(tmp_path, capsys):
    output = tmp_path / "new" / "folder"
    assert cli.main(["--epochs", "1", "--output", str(output)]) == 0
    text = capsys.readouterr().out
    assert "1297 digits to learn from, 500 to test on." in text
    assert "Bayesian: mutual information" in text
    assert "local estimator, beta = 0.1, a tempered posterior" in text
    assert "Model mlp, 1 epochs, seed 0, numpy arrays" in text
    assert (output / "digits.png").stat().st_size > 20_000


@pytest.mark.parametrize(("model", "epochs"), [("mlp", 200), ("cnn", 60)])
def test_each_model_has_its_epochs(model, epochs, monkeypatch, tmp_path):
    seen = []

    def trial(elbo, digits, *, epochs, **_):
        seen.append((len(elbo.model.layers), epochs))
        raise RuntimeError

    monkeypatch.setattr(cli, "trial", trial)
    assert cli.main(["--model", model, "--output", str(tmp_path)]) == 1
    assert seen == [({"mlp": 5, "cnn": 11}[model], epochs)]


def test_arguments_reach_the_job(tmp_path, capsys, monkeypatch):
    seen = []
    monkeypatch.setattr(cli, "load", lambda seed: seen.append(seed) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cli.main(["--seed", "7", "--output", str(tmp_path)])
    assert seen == [7]


def test_plain_elbo_is_called_so(tmp_path, capsys, monkeypatch):
    few = load(0)
    inputs = {kind: x[:20] for kind, x in few.inputs.items()}
    few = few._replace(x=few.x[:99], targets=few.targets[:99], inputs=inputs)
    few = few._replace(answers=few.answers[:20], images=few.images[:20])
    monkeypatch.setattr(cli, "load", lambda _: few)
    command = ["--epochs", "1", "--beta", "1", "--estimator", "flipout"]
    assert cli.main([*command, "--output", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert "flipout estimator, beta = 1, the evidence lower bound." in text


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--estimator", "exact"], "argument --estimator: invalid choice: 'exact'"),
        (["--backend", "tensorflow"], "argument --backend: invalid choice"),
        (["--epochs", "0"], "argument --epochs: expected an integer >= 1, got '0'"),
        (["--epochs", "many"], "expected an integer >= 1, got 'many'"),
        (["--seed", "-1"], "argument --seed: expected an integer from 0 to 2"),
        (["--seed", str(1 << 32)], "argument --seed: expected an integer from 0 to 2"),
        (["--beta", "-0.5"], "argument --beta: expected a number >= 0, got '-0.5'"),
        (["--beta", "inf"], "argument --beta: expected a number >= 0, got 'inf'"),
        (["--beta", "cold"], "argument --beta: expected a number >= 0, got 'cold'"),
    ],
)
def test_bad_flags_are_refused(flags, message, capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(flags)
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("missing", ["sklearn", "matplotlib", "tqdm"])
def test_missing_extra_is_named(missing, tmp_path, capsys, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        cli, "find_spec", lambda name: None if name == missing else find(name)
    )
    assert cli.main(["--output", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert f"got no {cli._EXTRAS[missing]}. pip install 'varlayers[demo]'" in error


def test_missing_library_is_named(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    command = ["--backend", "cupy", "--output", str(tmp_path)]
    assert cli.main(command) == 1
    assert "pip install 'varlayers[cuda12]'" in capsys.readouterr().err


def test_output_that_is_a_file_is_refused(tmp_path, capsys):
    path = tmp_path / "file"
    path.touch()
    assert cli.main(["--epochs", "1", "--output", str(path)]) == 1
    assert "File exists" in capsys.readouterr().err
