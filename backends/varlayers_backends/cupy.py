"""Kernels for CuPy arrays: the standard's gaps, filled by cupyx.

The rest is the generic code, compiled by CuPy operation by operation.
"""

from typing import Any

import cupy
from array_api_compat import cupy as xp
from cupyx.scipy import special

from varlayers.kernels import Kernels
from varlayers.types import Shape

__all__ = ["CupyKernels"]


class CupyKernels(Kernels):
    """CuPy follows the array API; it lacks only special functions and generators."""

    def __init__(self) -> None:
        super().__init__(xp)

    def to_numpy(self, x: cupy.ndarray) -> Any:
        return x.get()

    def native_uniform(
        self, generator: Any, shape: Shape, like: cupy.ndarray
    ) -> cupy.ndarray:
        return generator.random(shape, dtype=like.dtype)

    def native_normal(
        self, generator: Any, shape: Shape, like: cupy.ndarray
    ) -> cupy.ndarray:
        return generator.standard_normal(shape, dtype=like.dtype)

    def erf(self, x: cupy.ndarray) -> cupy.ndarray:
        return special.erf(x)

    def gammaln(self, x: cupy.ndarray) -> cupy.ndarray:
        return special.gammaln(x)

    def ndtri(self, x: cupy.ndarray) -> cupy.ndarray:
        return special.ndtri(x)
