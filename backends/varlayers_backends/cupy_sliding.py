"""The kernels of CuPy arrays that slide: which convolutions and poolings are our own.

Those of up to three spatial axes, of one dtype of 16, 32 or 64 bits, and undivided
channels; the others go to the generic bodies, which stay on the device as well.
"""

import math
from typing import Any

import numpy as np

from varlayers.pooling_kernels import index_dtype
from varlayers.types import Shape
from varlayers.windows import Window
from varlayers_backends import cupy_convolution
from varlayers_backends.convolving import ConvolvingKernels
from varlayers_backends.cupy_launch import FLOATS, alike, each, new, plain
from varlayers_backends.cupy_windows import AXES, sliding

__all__ = ["CupySlidingKernels"]


class CupySlidingKernels(ConvolvingKernels):
    """Convolutions as matrix products, and max pooling."""

    def convolver(self, window: Window, *arrays: Any) -> Any:
        dtype = arrays[0].dtype
        known = (
            window.groups == 1
            and len(window.strides) <= AXES
            and dtype in FLOATS
            and all(x.dtype == dtype for x in arrays)
        )
        return cupy_convolution if known else None

    def max_pool(self, x: Any, filter_shape: Shape, window: Window) -> tuple[Any, Any]:
        if not alike(x) or len(filter_shape) > AXES:
            return super().max_pool(x, filter_shape, window)
        kind, dtype = _index_of(filter_shape)
        told, shape = sliding(x.shape, filter_shape, window)
        y, index = new(x, shape), new(x, shape, dtype)
        each(f"max_pool_{kind}", x, y.size, plain(x), told, y.size, y, index)
        return y, index

    def max_pool_backward(
        self, dy: Any, index: Any, x_shape: Shape, filter_shape: Shape, window: Window
    ) -> Any:
        kind, dtype = _index_of(filter_shape)
        if not alike(dy) or len(filter_shape) > AXES or index.dtype != dtype:
            return super().max_pool_backward(dy, index, x_shape, filter_shape, window)
        told, _ = sliding(x_shape, filter_shape, window)
        dx, given = new(dy, x_shape), (plain(dy), plain(index))
        each(f"max_pool_backward_{kind}", dy, dx.size, *given, told, dx.size, dx)
        return dx


def _index_of(filter_shape: Shape) -> tuple[str, Any]:
    """Return which of the kernels stores the index of an offset, and its dtype."""
    dtype = index_dtype(np, math.prod(filter_shape))
    return ("short" if dtype == np.uint8 else "long"), dtype
