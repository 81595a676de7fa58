"""The device that the peer of this process runs on: --device, by the environment."""

import os
from typing import Any

from benchmarks.workloads import Unsupported

__all__ = ["NAMES", "VARIABLE", "on_gpu", "place", "to_host", "wait"]

NAMES = ("cpu", "gpu")
VARIABLE = "VARLAYERS_BENCHMARK_DEVICE"


def on_gpu() -> bool:
    """Whether the peer is to run on a GPU."""
    return os.environ.get(VARIABLE) == "gpu"


def place(x: Any) -> Any:
    """Return a host array as varlayers takes it on the device.

    Raises:
        ImportError: if that is a GPU and CuPy is not installed.
        Unsupported: if CuPy finds no device.
    """
    if not on_gpu():
        return x
    import cupy

    if not cupy.cuda.is_available():
        msg = "CuPy finds no device"
        raise Unsupported(msg)
    return cupy.asarray(x)


def wait() -> None:
    """Return when the device has done what it was told."""
    if on_gpu():
        import cupy

        cupy.cuda.get_current_stream().synchronize()


def to_host(x: Any) -> Any:
    """Return a result as NumPy takes it."""
    if hasattr(x, "get"):  # CuPy's
        return x.get()
    return x.cpu() if hasattr(x, "cpu") else x  # torch's
