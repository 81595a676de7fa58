"""Every source module keeps the rules of the house, and every rule can be broken."""

from pathlib import Path

import pytest
from support.house_rules import (
    MAX_FILE,
    MAX_FUNCTION,
    RANK,
    RULES,
    Module,
    all_is_what_is_public,
    backends_see_little,
    core_imports_no_framework,
    has_a_docstring,
    imports_point_down,
    is_short,
    mirror,
    part_of,
    raises_carry_one_string,
    untested,
)

ROOT = Path(__file__).parents[1]
MODULES = [
    Module(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
    for source in ("varlayers", "backends")
    for path in sorted(ROOT.glob(f"{source}/**/*.py"))
]

# Modules without a test file of their own, and why.
UNTESTED = {
    f"varlayers/types/{name}.py": "protocols and records: nothing to run"
    for name in ("arrays", "beliefs", "models", "parts")
}

TYPES = "varlayers/types/parts.py"
MAP = "varlayers/maps/conv.py"
LAYER = "varlayers/layers/conv.py"
PACKAGE = "varlayers/layers/__init__.py"
BACKEND = "backends/varlayers_backends/library.py"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_every_module_keeps_the_rule(rule):
    complaints = [complaint for module in MODULES for complaint in rule(module)]
    assert not complaints, "\n".join(complaints)


def test_every_module_has_a_test_file():
    tests = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("tests/**/*.py")}
    wrong = untested([module.path for module in MODULES], tests, UNTESTED)
    assert not wrong, "\n".join(f"{path} ({mirror(path)})" for path in wrong)


def test_every_part_in_the_tiers_exists():
    assert set(RANK) - {part_of(module.name) for module in MODULES} == set()


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    [
        (imports_point_down, MAP, "from varlayers.layers.dense import Dense"),
        (imports_point_down, MAP, "from varlayers import estimators"),
        (imports_point_down, MAP, "def f():\n    import varlayers.posteriors"),
        (imports_point_down, MAP, "import varlayers"),
        (imports_point_down, TYPES, "from varlayers.random import key"),
        (imports_point_down, "varlayers/novel.py", ""),
        (core_imports_no_framework, LAYER, "import torch"),
        (core_imports_no_framework, LAYER, "def f():\n    from jax import numpy"),
        (core_imports_no_framework, LAYER, "from scipy.special import erf"),
        (core_imports_no_framework, LAYER, "import varlayers_backends.numpy"),
        (core_imports_no_framework, LAYER, "from .dense import Dense"),
        (backends_see_little, BACKEND, "from varlayers.layers import Dense"),
        (backends_see_little, BACKEND, "def f():\n    from varlayers import tree"),
        (raises_carry_one_string, MAP, "raise ValueError"),
        (raises_carry_one_string, MAP, "raise ValueError()"),
        (raises_carry_one_string, MAP, "raise ValueError('got', 3)"),
        (raises_carry_one_string, MAP, "raise ValueError(3)"),
        (raises_carry_one_string, MAP, "def f():\n    raise KeyError(*x) from error"),
        (has_a_docstring, MAP, "x = 1"),
        (all_is_what_is_public, MAP, "__all__ = ['f']"),
        (all_is_what_is_public, MAP, "def f(): ..."),
        (all_is_what_is_public, MAP, "a: int = 1"),
        (all_is_what_is_public, MAP, "_a, b = 1, 2"),
        (all_is_what_is_public, LAYER, "from x import y\n__all__ = ['y']"),
        (all_is_what_is_public, PACKAGE, "from x import y\n__all__ = ['y', 'z']"),
        (is_short, MAP, '"""Map."""\n' + "\n" * MAX_FILE),
        (is_short, MAP, "def f():\n" + "    x = 1\n" * MAX_FUNCTION),
    ],
)
def test_planted_violation_is_caught(rule, path, text):
    (complaint,) = rule(Module(path, text))
    assert path in complaint


TYPING_IMPORT = "if TYPE_CHECKING:\n    from varlayers.random import key"
RERAISE = "try:\n    f()\nexcept ValueError:\n    raise"
REEXPORT = "from x import y, z\n__all__ = ['y']"
LONGEST_FUNCTION = (
    'def f():\n    """Do.\n\n    It.\n    """\n\n    # Why.\n'
    + "    x = 1\n" * (MAX_FUNCTION - 1)
)


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    [
        (imports_point_down, LAYER, "from varlayers.maps.matmul import MATMUL"),
        (imports_point_down, LAYER, "from varlayers.layers.bilinear import Bilinear"),
        (imports_point_down, TYPES, TYPING_IMPORT),
        (imports_point_down, "varlayers/__init__.py", "from varlayers import elbo"),
        (core_imports_no_framework, LAYER, "def f():\n    from scipy import special"),
        (core_imports_no_framework, BACKEND, "import torch"),
        (backends_see_little, BACKEND, "from varlayers.kernels import Kernels"),
        (raises_carry_one_string, MAP, "raise ValueError(msg) from None"),
        (raises_carry_one_string, MAP, RERAISE),
        (all_is_what_is_public, MAP, "__all__ = ['f']\n_a, _b = 1, 2\ndef f(): ..."),
        (all_is_what_is_public, PACKAGE, REEXPORT),
        (is_short, MAP, LONGEST_FUNCTION),
    ],
)
def test_honest_code_passes(rule, path, text):
    assert list(rule(Module(path, text))) == []


@pytest.mark.parametrize(
    ("path", "test"),
    [
        ("varlayers/tree.py", "tests/test_tree.py"),
        ("varlayers/__main__.py", "tests/test_main.py"),
        ("varlayers/a/_b.py", "tests/a/test_b.py"),
        ("backends/varlayers_backends/numpy.py", "tests/backends/test_numpy.py"),
    ],
)
def test_tests_mirror_the_sources(path, test):
    assert mirror(path) == test


def test_missing_test_and_stale_exemption_are_caught():
    paths = [f"varlayers/{name}.py" for name in ("a", "b", "c", "__init__")]
    tests = {"tests/test_a.py", "tests/test_c.py"}
    assert untested(paths, tests, {}) == ["varlayers/b.py"]
    assert untested(paths, tests, {"varlayers/b.py": "why"}) == []
    exempt = {"varlayers/b.py": "why", "varlayers/c.py": "why", "varlayers/d.py": "why"}
    assert untested(paths, tests, exempt) == ["varlayers/c.py", "varlayers/d.py"]
