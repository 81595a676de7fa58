"""Which kernels NumPy arrays get: compiled where numba works, else plain, and how."""

import subprocess
import sys
import warnings

import pytest

from varlayers_backends import numpy_choice
from varlayers_backends.numpy import NumpyKernels

WARNING = r"^numba does not work here \(%s: %s\)\. varlayers goes on with plain NumPy\."


@pytest.fixture(autouse=True)
def _switched_on(monkeypatch):
    monkeypatch.delenv("VARLAYERS_NUMBA", raising=False)


def choose_in_silence():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return numpy_choice.kernels()


def choose_with_a_warning(kind, reason):
    with pytest.warns(RuntimeWarning, match=WARNING % (kind, reason)) as caught:
        kernels = numpy_choice.kernels()
    assert len(caught) == 1
    return kernels


def test_numba_is_chosen_where_it_works():
    pytest.importorskip("numba")
    assert type(choose_in_silence()).__name__ == "NumbaKernels"


def test_a_switch_turns_numba_off(monkeypatch):
    monkeypatch.setenv("VARLAYERS_NUMBA", "0")
    assert type(choose_in_silence()) is NumpyKernels


def test_missing_numba_is_no_news(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    assert type(choose_in_silence()) is NumpyKernels


def test_old_numba_is_refused(monkeypatch):
    numba = pytest.importorskip("numba")
    monkeypatch.setattr(numba, "__version__", "0.60.1")
    reason = r"expected numba >= 0\.61, got 0\.60\.1"
    assert type(choose_with_a_warning("ImportError", reason)) is NumpyKernels


def test_numba_that_cannot_be_imported_is_refused(monkeypatch, tmp_path):
    (tmp_path / "numba.py").write_text(
        'raise ImportError("numba needs an older NumPy")'
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "numba", raising=False)
    kernels = choose_with_a_warning("ImportError", "numba needs an older NumPy")
    assert type(kernels) is NumpyKernels


def test_numba_that_cannot_compile_is_refused(monkeypatch):
    pytest.importorskip("numba")
    from varlayers_backends import numba_random

    def fails(*arguments):
        msg = "no such processor\nand a long story"
        raise ValueError(msg)

    monkeypatch.setattr(numba_random, "normal", fails)
    kernels = choose_with_a_warning("ValueError", "no such processor")
    assert type(kernels) is NumpyKernels


def test_numba_that_draws_other_numbers_is_refused(monkeypatch):
    pytest.importorskip("numba")
    from varlayers_backends import numba_random

    monkeypatch.setattr(numba_random, "normal", lambda *to: to[-1].fill(0.5))
    kernels = choose_with_a_warning("ArithmeticError", "expected the normals .*")
    assert type(kernels) is NumpyKernels


def test_import_of_varlayers_imports_no_numba():
    code = """
import sys, varlayers
assert "numba" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_compiled_code_needs_no_directory_that_can_be_written():
    pytest.importorskip("numba")
    code = """
import numba.core.caching as caching

for locator in caching.CacheImpl._locator_classes:
    locator.from_function = classmethod(lambda cls, *arguments: None)

import numpy as np
from varlayers.dispatch import kernels_for

kernels = kernels_for(np.ones(1))
assert type(kernels).__name__ == "NumbaKernels", kernels
assert kernels.softplus(np.zeros(3))[1].tolist() == [0.5] * 3
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
