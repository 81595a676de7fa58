"""The examples of the documentation run, and the pages show the code that they hold."""

import gzip
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
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


NO_FASHION = ("--folder", "nowhere")


@pytest.mark.slow
def test_lenet_reads_digits_and_doubts_photographs():
    printed = run(EXAMPLES / "lenet.py", *NO_FASHION, "--epochs", 15)
    assert "digits: 1,297 images to learn from, 500 to test on." in printed
    rows = re.findall(
        r"^(\w+) +([\d.]+)% +([\d.]+) +([\d.]+) +([\d.]+)", printed, re.MULTILINE
    )
    assert [name for name, *_ in rows] == ["Bayesian", "deterministic"]
    for _, accuracy, nll, error, area in rows:
        assert float(accuracy) > 90
        assert float(nll) < 0.5
        assert float(error) < 0.2
        assert float(area) > 0.7


@pytest.mark.slow
def test_autoencoder_rebuilds_digits(tmp_path):
    path = tmp_path / "rebuilt.png"
    printed = run(
        EXAMPLES / "autoencoder.py", *NO_FASHION, "--epochs", 15, "--output", path
    )
    errors = dict(re.findall(r"^(\w+) +([\d.]+) ", printed, re.MULTILINE))
    assert float(errors["digits"]) < 0.2
    assert float(errors["shuffled"]) > 1.5 * float(errors["digits"])
    assert path.stat().st_size > 20_000


@pytest.mark.slow
def test_posteriors_prune_further_than_sizes(tmp_path):
    path = tmp_path / "sparsity.png"
    script = EXAMPLES / "sparsity.py"
    printed = run(script, "--epochs", 40, "--seeds", 1, "--output", path)
    rows = re.findall(r"^(\S.*?) +((?:[\d.]+% *){9})$", printed, re.MULTILINE)
    curves = {name: [float(cell[:-1]) for cell in row.split()] for name, row in rows}
    ratio, alpha, _, size = curves.values()
    assert [curve[0] > 90 for curve in curves.values()] == [True] * 4
    assert min(ratio[3], alpha[3]) > 90 > size[3] + 10
    assert alpha[-1] > 90
    before, after = re.search(r"accuracy ([\d.]+)% before, ([\d.]+)%", printed).groups()
    assert float(after) > float(before) - 2
    assert path.stat().st_size > 20_000


def test_images_are_read_from_the_files_of_fashion_mnist(tmp_path):
    images = runpy.run_path(str(EXAMPLES / "images.py"))
    pixels = np.arange(3 * 28 * 28).reshape(3, 28, 28).astype(np.uint8)
    labels = np.array([9, 0, 5], np.uint8)
    for part, size in (("train", 3), ("t10k", 2)):
        for kind, array in (("images", pixels[:size]), ("labels", labels[:size])):
            head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes()
            path = tmp_path / f"{part}-{kind}-idx{array.ndim}-ubyte.gz"
            path.write_bytes(gzip.compress(head + array.tobytes()))
    data = images["load"](tmp_path)
    assert (data.x.shape, data.test_x.shape) == ((3, 28, 28, 1), (2, 28, 28, 1))
    np.testing.assert_array_equal(data.x[..., 0], (pixels / 255).astype(np.float32))
    np.testing.assert_array_equal(data.y, labels)
    np.testing.assert_array_equal(data.test_y, labels[:2])
    assert data.other.shape == (1797, 28, 28, 1)
    assert (data.other.min(), data.other.max()) == (0, 1)
    assert data.classes[9] == "ankle boot"


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
