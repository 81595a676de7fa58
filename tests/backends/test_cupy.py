"""What can be known of CuPy's kernels without a GPU: they override what exists.

With one, `test_parity.py` runs them.
"""

import ast
import inspect
from pathlib import Path

import pytest

from varlayers.kernels import Kernels

PATH = Path(__file__).parents[2] / "backends" / "varlayers_backends" / "cupy.py"
TREE = ast.parse(PATH.read_text(encoding="utf-8"))
(CLASS,) = (node for node in TREE.body if isinstance(node, ast.ClassDef))
METHODS = {node.name: node for node in CLASS.body if isinstance(node, ast.FunctionDef)}


def test_is_the_class_that_dispatch_names():
    assert CLASS.name == "CupyKernels"
    assert [ast.unparse(base) for base in CLASS.bases] == ["Kernels"]


@pytest.mark.parametrize("name", sorted(METHODS.keys() - {"__init__"}))
def test_override_has_the_signature_of_the_base(name):
    arguments = METHODS[name].args
    own = [argument.arg for argument in (*arguments.args, *arguments.kwonlyargs)]
    assert own == list(inspect.signature(getattr(Kernels, name)).parameters)


def test_names_come_from_somewhere():
    compile(TREE, str(PATH), "exec")
    imported = {
        alias.asname or alias.name
        for node in TREE.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    used = {
        node.value.id
        for node in ast.walk(CLASS)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    arguments = {
        argument.arg for method in METHODS.values() for argument in method.args.args
    }
    assert used <= imported | arguments
