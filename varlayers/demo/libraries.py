"""Array libraries by name: the way of the data into the one that the demo runs on."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from varlayers.types import Array

__all__ = ["LIBRARIES", "converter"]

# Where the function is that takes a NumPy array, and what brings the library.
_HOMES = {
    "numpy": ("numpy", "numpy"),
    "torch": ("torch", "'varlayers[torch]'"),
    "jax": ("jax.numpy", "'varlayers[jax]'"),
    "cupy": ("cupy", "'varlayers[cuda12]' or 'varlayers[cuda13]'"),
}

LIBRARIES = tuple(_HOMES)


def converter(library: str) -> Callable[[Any], Array]:
    """Return the function that makes a NumPy array one of the library.

    Raises:
        ImportError: if the library is not installed.
        RuntimeError: if it is, but cannot hold an array: CuPy without a GPU.
    """
    module, wanted = _HOMES[library]
    try:
        asarray: Callable[[Any], Array] = import_module(module).asarray
    except ImportError:
        msg = f"The demo expected {library} for arrays, got none. pip install {wanted}"
        raise ImportError(msg) from None
    try:
        asarray(np.zeros(1, np.float32))
    except Exception as error:
        msg = f"The demo expected {library} to make an array, got {error!r}."
        raise RuntimeError(msg) from error
    return asarray
