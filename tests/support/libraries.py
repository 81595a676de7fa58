"""The array libraries that the suite runs on, each behind the same two methods."""

import importlib.util
import shutil
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

LIBRARY_NAMES = (
    "numpy",
    "numpy-readonly",
    "strict",
    "strict-device1",
    "torch",
    "jax",
)


def missing_cupy() -> str | None:
    """Return why CuPy cannot run here, or None."""
    if importlib.util.find_spec("cupy") is None:
        return "CuPy is not installed."
    import cupy

    return None if cupy.cuda.is_available() else "CuPy finds no device."


def missing_compiler() -> str | None:
    """Return why CuPy's kernels cannot run on the host, or None."""
    return None if shutil.which("g++") else "g++, which compiles them, is missing."


# What `pytest --backend` takes, and a function that says why it cannot run.
BACKENDS = {"cupy": missing_cupy, "cupy-on-host": missing_compiler}


@dataclass(frozen=True)
class Library:
    """How to move arrays into and out of one array library."""

    name: str
    xp: Any
    device: Any = None

    def asarray(self, data: Any, dtype: str = "float64") -> Any:
        """Return host data as an array of this library."""
        host = np.array(data, dtype=dtype)
        if self.name == "numpy-readonly":
            host.flags.writeable = False
        if self.name.startswith("numpy"):
            return host
        return self.xp.asarray(host, dtype=getattr(self.xp, dtype), device=self.device)

    def tree(self, tree: Any, dtype: str = "float64") -> Any:
        """Convert the leaves of a nested dict."""
        if isinstance(tree, dict):
            return {name: self.tree(leaf, dtype) for name, leaf in tree.items()}
        return self.asarray(tree, dtype)

    def to_numpy(self, x: Any) -> np.ndarray:
        """Return an array of this library as a NumPy array."""
        if self.name.startswith("strict"):
            return np.asarray(x.to_device(self.xp.Device("CPU_DEVICE")))
        if self.name.startswith("cupy"):
            return x.get()
        return np.asarray(x)


def make_library(name: str) -> Library:
    """Return the library, or skip the test where it is not installed."""
    if name.startswith("numpy"):
        return Library(name, np)
    if name.startswith("strict"):
        import array_api_strict as xp

        return Library(name, xp, xp.Device("device1") if "device1" in name else None)
    if name.startswith("cupy"):
        from array_api_compat import cupy as xp

        return Library(name, xp)
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    if name == "torch":
        import torch
        from array_api_compat import torch as xp

        torch.set_num_threads(1)  # on small arrays a second thread only waits
        return Library(name, xp)
    import jax

    jax.config.update("jax_enable_x64", True)
    return Library(name, jax.numpy)


def assert_same(library: Library, actual: Any, desired: Any, tolerance: float) -> None:
    """Compare trees, tuples or arrays with NumPy's, relative to the largest entry."""
    if isinstance(desired, dict):
        assert actual.keys() == desired.keys()
        for name in desired:
            assert_same(library, actual[name], desired[name], tolerance)
    elif isinstance(desired, tuple):
        assert len(actual) == len(desired)
        for one, other in zip(actual, desired, strict=True):
            assert_same(library, one, other, tolerance)
    elif desired is None:
        assert actual is None
    else:
        host = library.to_numpy(actual)
        assert host.dtype == desired.dtype
        assert host.shape == desired.shape
        largest = max(1.0, float(np.max(np.abs(desired), initial=0.0)))
        np.testing.assert_allclose(host, desired, rtol=0, atol=tolerance * largest)
