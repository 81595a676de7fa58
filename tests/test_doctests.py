"""The examples in docstrings run, and print what they say."""

import doctest
import importlib
import pkgutil

import pytest

import varlayers

MODULES = [
    info.name
    for info in pkgutil.walk_packages(varlayers.__path__, "varlayers.")
    if not info.name.endswith("__main__")
]


@pytest.mark.parametrize("name", ["varlayers", *MODULES])
def test_examples_of(name):
    module = importlib.import_module(name)
    failed, _ = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert failed == 0


def test_there_are_examples():
    finder = doctest.DocTestFinder(exclude_empty=True)
    modules = map(importlib.import_module, MODULES)
    examples = [test for module in modules for test in finder.find(module)]
    assert sum(bool(test.examples) for test in examples) >= 3
