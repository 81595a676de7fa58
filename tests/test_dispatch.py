"""Kernels are found by the type of an array: once, without importing what is idle."""

import subprocess
import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import array_api_strict
import numpy as np
import pytest
from support.libraries import make_library

from varlayers import dispatch
from varlayers.dispatch import kernels_for, register_kernels
from varlayers.kernels import Kernels
from varlayers_backends.numpy import NumpyKernels
from varlayers_backends.numpy_choice import kernels

OWN = {"numpy": type(kernels()).__name__, "torch": "TorchKernels", "jax": "JaxKernels"}
TARGET = "stand_in:StandIn"


@pytest.fixture
def _fresh(monkeypatch):
    """Undo what a test registers, and forget what it looked up."""
    monkeypatch.setattr(dispatch, "_BACKENDS", dict(dispatch._BACKENDS))
    monkeypatch.setattr(dispatch, "_BY_TYPE", {})


@pytest.fixture
def made(monkeypatch, _fresh):
    """Make the target importable; return the kernels that it made."""
    instances = []

    class StandIn(Kernels):
        def __init__(self):
            super().__init__(array_api_strict)
            instances.append(self)

    module = ModuleType("stand_in")
    module.StandIn = StandIn
    monkeypatch.setitem(sys.modules, "stand_in", module)
    return instances


@pytest.mark.parametrize("name", OWN)
def test_libraries_have_kernels_of_their_own(name):
    kernels = kernels_for(make_library(name).asarray([1.0]))
    assert type(kernels).__name__ == OWN[name]


def test_other_libraries_get_the_generic_kernels():
    kernels = kernels_for(array_api_strict.asarray([1.0]))
    assert type(kernels) is Kernels
    assert kernels.xp is array_api_strict


@pytest.mark.usefixtures("_fresh")
def test_the_look_up_happens_once_per_type(library, monkeypatch):
    x = library.asarray([1.0])
    kernels = kernels_for(x)
    monkeypatch.setattr(dispatch, "_resolve", None)
    assert kernels_for(library.asarray([[2.0]], "float32")) is kernels


@pytest.mark.parametrize(
    ("x", "kind"),
    [
        (1.0, "float"),
        ([1.0], "list"),
        (None, "NoneType"),
        ({"loc": 1.0}, "dict"),
        (np.random.default_rng(0), "Generator"),
        (np.dtype("float32"), "Float32DType"),
    ],
)
def test_what_is_no_array_is_refused(x, kind):
    message = rf"^Expected an array of an array-API library, got {kind}\. Convert it"
    with pytest.raises(TypeError, match=message):
        kernels_for(x)


def test_refusals_are_not_remembered():
    with pytest.raises(TypeError, match="got tuple"):
        kernels_for(())
    assert tuple not in dispatch._BY_TYPE


# ---- types of one library -----------------------------------------------------------


NUMPY = {
    "scalar": np.float32(1),
    "0-d": np.ones(()),
    "masked": np.ma.masked_array([1.0]),
}


@pytest.mark.parametrize("x", NUMPY.values(), ids=NUMPY)
def test_numpy_defines_several_types(x):
    assert isinstance(kernels_for(x), NumpyKernels)


def test_subclass_defined_elsewhere_works():
    class Subclass(np.ndarray):
        pass

    x = np.zeros(2).view(Subclass)
    assert kernels_for(x).softplus(x)[1].tolist() == [0.5, 0.5]


def test_torch_parameters_are_tensors():
    torch = pytest.importorskip("torch")
    kernels = kernels_for(torch.nn.Parameter(torch.ones(2)))
    assert type(kernels).__name__ == "TorchKernels"


def test_jax_tracers_are_arrays():
    jax = pytest.importorskip("jax")
    x, found = jax.numpy.ones(2), []

    def look(x):
        found.append(type(kernels_for(x)).__name__)
        return x.sum()

    jax.jit(look)(x)
    jax.grad(look)(x)
    jax.vmap(look)(x[None])
    assert found == ["JaxKernels"] * 3


# ---- registration -------------------------------------------------------------------


def test_registered_kernels_replace_those_already_found(made):
    x = array_api_strict.asarray([1.0])
    before = kernels_for(x)
    register_kernels("array_api_strict", TARGET)
    after = kernels_for(x)
    assert type(before) is Kernels
    assert made == [after]
    assert kernels_for(x) is after


@pytest.mark.usefixtures("_fresh")
def test_registration_imports_nothing():
    register_kernels("array_api_strict", "no_such_module:Kernels")
    assert kernels_for(np.ones(1)).xp is np
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        kernels_for(array_api_strict.asarray([1.0]))


def test_entry_points_register(monkeypatch, made):
    points = metadata.EntryPoints(
        [
            metadata.EntryPoint("array_api_strict", TARGET, "varlayers.backends"),
            metadata.EntryPoint("array_api_strict", "not:this", "another.group"),
            metadata.EntryPoint("other", "nor:that", "varlayers.backends"),
        ]
    )
    monkeypatch.setattr(
        metadata, "entry_points", lambda **chosen: points.select(**chosen)
    )
    assert made == [kernels_for(array_api_strict.asarray([1.0]))]


def test_registration_comes_before_entry_points(monkeypatch, made):
    monkeypatch.setattr(metadata, "entry_points", None)
    register_kernels("array_api_strict", TARGET)
    assert made == [kernels_for(array_api_strict.asarray([1.0]))]


@pytest.mark.parametrize("library", sorted(dispatch._BACKENDS))
def test_every_target_names_what_a_file_defines(library):
    module, _, name = dispatch._BACKENDS[library].partition(":")
    source = Path(find_spec(module).origin).read_text(encoding="utf-8")
    assert f"\nclass {name}(" in source or f"\ndef {name}() ->" in source


def test_only_the_library_in_use_is_imported():
    code = """
import os, sys, numpy, varlayers
os.environ["VARLAYERS_NUMBA"] = "0"  # numba imports scipy
from varlayers.dispatch import kernels_for
kernels_for(numpy.ones(2)).softplus(numpy.ones(2))
loaded = {"torch", "jax", "cupy", "scipy"} & sys.modules.keys()
assert not loaded, loaded
assert "varlayers_backends.torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_subclass_has_the_kernels_of_its_base():
    class Mine(np.ndarray):
        """An array type that another package defines."""

    assert isinstance(kernels_for(np.zeros(2).view(Mine)), NumpyKernels)
