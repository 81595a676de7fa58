"""The examples of the documentation run, and the pages show the code that they hold."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "docs" / "examples"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def run(*command):
    """Return what a command prints; a failure shows why."""
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONWARNINGS": "error"},
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_digits_learns():
    printed = run(EXAMPLES / "digits.py", "--epochs", 15)
    accuracy, area = (
        float(re.search(pattern, printed)[1])
        for pattern in (r"accuracy ([\d.]+)%", r"AUROC ([\d.]+)")
    )
    assert accuracy > 90
    assert area > 0.8


def test_regression_has_honest_intervals():
    printed = run(EXAMPLES / "regression.py", "--epochs", 150)
    figures = dict(re.findall(r"^  (\S.*?)\s+(-?[\d.]+) ±", printed, re.MULTILINE))
    assert float(figures["RMSE"]) < 2
    assert 0.8 < float(figures["in 90%"]) <= 1
    assert 0 < float(figures["epistemic share"]) < 1


def test_the_tutorial_is_the_code_of_its_example():
    script = (EXAMPLES / "digits.py").read_text().partition("import numpy")
    shown = BLOCK.findall((ROOT / "docs" / "tutorials" / "digits.md").read_text())
    assert len(shown) > 3
    assert "epochs = 200\n" in shown
    shown.remove("epochs = 200\n")
    assert code_of("".join(shown)) == code_of("".join(script[1:]))


def code_of(text):
    """Return the lines of code, without comments and what reads the command line."""
    aside = ("#", "parser", "epochs = parser")
    return [line for line in text.splitlines() if line and not line.startswith(aside)]


def test_the_block_of_the_readme_is_short_and_prints_what_it_says(capsys):
    (block,) = BLOCK.findall((ROOT / "README.md").read_text())
    assert len(block.splitlines()) <= 20
    exec(compile(block, "README.md", "exec"), {})
    printed = numbers(capsys.readouterr().out)
    said = numbers("\n".join(re.findall(r"# .*(\[.*\])$", block, re.MULTILINE)))
    # Rounded to two decimals; a unit in the last place of x moves none of eight.
    np.testing.assert_allclose(printed, said, atol=0.0051)
    assert said.shape == (3, 3)


def numbers(text):
    """Return the rows of numbers in brackets."""
    rows = re.findall(r"\[([^][]+)\]", text)
    return np.array([row.replace(",", " ").split() for row in rows], float)
