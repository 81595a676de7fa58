"""Kernels for NumPy arrays (draft)."""

from typing import Any

import numpy as np

from varlayers.kernels import Kernels

__all__ = ["NumpyKernels"]


class NumpyKernels(Kernels):
    """draft"""

    def __init__(self) -> None:
        super().__init__(np)

    def to_numpy(self, x: Any) -> Any:
        return x
