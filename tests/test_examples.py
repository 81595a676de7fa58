"""The examples of the documentation run, and the pages show the code that they hold."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.mark.parametrize("page", ["digits"])
def test_the_tutorial_shows_the_code_of_its_example(page):
    script = (EXAMPLES / f"{page}.py").read_text()
    blocks = BLOCK.findall((ROOT / "docs" / "tutorials" / f"{page}.md").read_text())
    assert len(blocks) > 3
    for block in blocks:
        assert block in script or block == "epochs = 200\n"


def test_the_block_of_the_readme_runs_and_is_short():
    (block,) = BLOCK.findall((ROOT / "README.md").read_text())
    assert len(block.splitlines()) <= 20
    namespace = {}
    exec(compile(block, "README.md", "exec"), namespace)
    near, _, far = namespace["prediction"].epistemic[:, 0]
    assert far > 10 * near
