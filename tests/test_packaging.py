"""What is built holds exactly what it should: sdist, sdist -> wheel, tree -> wheel.

The tree is copied first, so building leaves nothing behind.
"""

import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = ("varlayers", "backends/varlayers_backends")
IN_SDIST = ("backends", "benchmarks", "docs", "tests", "varlayers")
TOP_OF_SDIST = {
    ".gitignore",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "PKG-INFO",
    "README.md",
    "pyproject.toml",
}
IN_DIST_INFO = {"METADATA", "RECORD", "WHEEL", "licenses/LICENSE"}
SCRATCH = shutil.ignore_patterns(".*_cache", "__pycache__", "_build", "generated")

USE_WHEEL = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy as np, varlayers as vl, varlayers_backends
assert vl.__file__.startswith(sys.argv[1]), vl.__file__
assert varlayers_backends.__file__.startswith(sys.argv[1])
x = np.ones((4, 3), np.float32)
layer = vl.Dense(3, 2)
y, _ = layer.forward(layer.init(vl.key(0), x), x, layer.draw(vl.key(1), x.shape, x))
assert y.shape == (4, 2) and np.all(np.isfinite(y))
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the files that belong to a build."""
    copy = tmp_path_factory.mktemp("tree") / "varlayers"
    copy.mkdir()
    for name in TOP_OF_SDIST - {"PKG-INFO"}:
        shutil.copy(ROOT / name, copy)
    for name in IN_SDIST:
        shutil.copytree(ROOT / name, copy / name, ignore=SCRATCH)
    return copy


@pytest.fixture(scope="module")
def built(tree):
    """The sdist and, through it, the wheel."""
    return build(tree, tree.parent / "both")


@pytest.fixture(scope="module")
def wheel(built):
    """Contents of the wheel by name."""
    return read_wheel(built)


def build(tree, out, *options):
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out)]
    command += [*options, str(tree)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def read_wheel(folder):
    (path,) = folder.glob("*.whl")
    assert path.name.endswith("-py3-none-any.whl")
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def files_below(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix() for path in files}


def metadata(wheel):
    (name,) = (name for name in wheel if name.endswith(".dist-info/METADATA"))
    return message_from_bytes(wheel[name])


def test_sdist_holds_the_tree(tree, built):
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    inner = {f"{top}/{name}" for top in IN_SDIST for name in files_below(tree / top)}
    assert names == inner | TOP_OF_SDIST


def test_wheel_holds_the_two_packages_and_nothing_else(tree, wheel):
    expected = {
        f"{Path(source).name}/{name}"
        for source in SOURCES
        for name in files_below(tree / source)
    }
    version = metadata(wheel)["Version"]
    expected |= {f"varlayers-{version}.dist-info/{name}" for name in IN_DIST_INFO}
    assert set(wheel) == expected
    assert {"varlayers/py.typed", "varlayers_backends/py.typed"} <= expected
    assert "varlayers_backends/cuda/kernels.cuh" in expected


def test_wheel_from_the_sdist_is_the_wheel_from_the_tree(tree, wheel):
    direct = read_wheel(build(tree, tree.parent / "direct", "--wheel"))
    assert direct.keys() == wheel.keys()
    assert [name for name in wheel if wheel[name] != direct[name]] == []


def test_metadata(tree, wheel):
    fields = metadata(wheel)
    assert fields["Name"] == "varlayers"
    assert fields["Requires-Python"] == ">=3.11"
    assert fields["License-Expression"] == "Apache-2.0"
    assert fields.get_all("License-File") == ["LICENSE"]
    for end, source in (("licenses/LICENSE", "LICENSE"), ("METADATA", "README.md")):
        (content,) = (wheel[name] for name in wheel if name.endswith(f"info/{end}"))
        assert content.endswith((tree / source).read_bytes())


def test_version_is_that_of_the_package(wheel):
    source = wheel["varlayers/__init__.py"].decode()
    version = re.search(r'^__version__ = "(.+)"$', source, re.MULTILINE)
    assert version[1] == metadata(wheel)["Version"]


def test_dependencies_and_extras(wheel):
    fields = metadata(wheel)
    requirements = fields.get_all("Requires-Dist")
    required = {line for line in requirements if ";" not in line}
    names = {re.match(r"[\w-]+", line)[0] for line in required}
    assert names == {"numpy", "array-api-compat", "scipy"}
    extras = set(fields.get_all("Provides-Extra"))
    assert extras >= {"cuda12", "cuda13", "demo", "docs", "jax", "test", "torch"}


def test_unpacked_wheel_works_alone(built, tmp_path):
    (path,) = built.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path)
    command = [sys.executable, "-I", "-c", USE_WHEEL, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
