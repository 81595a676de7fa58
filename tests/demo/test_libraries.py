"""Arrays by the name of their library, and what is said where there are none."""

import sys
from types import ModuleType

import numpy as np
import pytest

from varlayers.demo.libraries import LIBRARIES, converter

HOST = np.arange(3, dtype=np.int32)


@pytest.mark.parametrize("name", ["numpy", "torch", "jax"])
def test_converter_makes_arrays_of_the_library(name):
    pytest.importorskip(name)
    array = converter(name)(HOST)
    assert type(array).__module__.partition(".")[0] in (name, f"{name}lib")
    assert "int32" in str(array.dtype)
    np.testing.assert_array_equal(np.asarray(array), HOST)


@pytest.mark.parametrize("name", LIBRARIES)
def test_missing_library_says_what_to_install(name, monkeypatch):
    module = {"jax": "jax.numpy"}.get(name, name)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=rf"expected {name} .* pip install .*"):
        converter(name)


def test_library_without_a_device_says_so(monkeypatch):
    def asarray(host):
        msg = "no CUDA-capable device is detected"
        raise OSError(msg)

    fake = ModuleType("cupy")
    fake.asarray = asarray
    monkeypatch.setitem(sys.modules, "cupy", fake)
    with pytest.raises(RuntimeError, match=r"expected cupy to make an array.*no CUDA"):
        converter("cupy")
