"""The kernels of CuPy arrays that slide: which convolutions and poolings are our own.

Those of up to three spatial axes, of one dtype in float32 and float64, and undivided
channels; the others go to the generic bodies, which stay on the device as well.
"""

import math
from typing import Any

import numpy as np

from varlayers.kernels import Kernels
from varlayers.pooling_kernels import index_dtype
from varlayers.types import FlippedWeight, Shape
from varlayers.windows import Window
from varlayers_backends import cupy_convolution
from varlayers_backends.cupy_launch import FLOATS, alike, each, new, plain
from varlayers_backends.cupy_windows import AXES, sliding

__all__ = ["CupySlidingKernels"]

_POSITIONS = 64  # from which a weight for each example replaces a second product


class CupySlidingKernels(Kernels):
    """Convolutions as matrix products, and max pooling."""

    def conv(self, x: Any, w: Any, window: Window) -> Any:
        if not _knows(window, x, w):
            return super().conv(x, w, window)
        return cupy_convolution.conv(x, w, window)

    def conv_adjoint_x(self, dy: Any, w: Any, x_shape: Shape, window: Window) -> Any:
        if not _knows(window, dy, w):
            return super().conv_adjoint_x(dy, w, x_shape, window)
        return cupy_convolution.adjoint_x(dy, w, x_shape, window)

    def conv_adjoint_w(self, x: Any, dy: Any, w_shape: Shape, window: Window) -> Any:
        if not _knows(window, x, dy):
            return super().conv_adjoint_w(x, dy, w_shape, window)
        return cupy_convolution.adjoint_w(x, dy, w_shape, window)

    def conv_flipped(self, x: Any, w: FlippedWeight, window: Window) -> Any:
        if not _one_weight_each(window, w, x):
            return super().conv_flipped(x, w, window)
        return cupy_convolution.flipped(x, w, window)

    def conv_flipped_adjoint_x(
        self, dy: Any, w: FlippedWeight, x_shape: Shape, window: Window
    ) -> Any:
        if not _one_weight_each(window, w, dy):
            return super().conv_flipped_adjoint_x(dy, w, x_shape, window)
        return cupy_convolution.flipped_adjoint_x(dy, w, x_shape, window)

    def conv_flipped_adjoint_w(
        self, x: Any, dy: Any, w: FlippedWeight, window: Window
    ) -> tuple[Any, Any]:
        if not _one_weight_each(window, w, x, dy):
            return super().conv_flipped_adjoint_w(x, dy, w, window)
        return cupy_convolution.flipped_adjoint_w(x, dy, w, window)

    def conv_moments(
        self, x: Any, loc: Any, var: Any, window: Window
    ) -> tuple[Any, Any]:
        if not _knows(window, x, loc, var):
            return super().conv_moments(x, loc, var, window)
        return cupy_convolution.moments(x, loc, var, window)

    def conv_moments_adjoint_w(
        self, x: Any, grads: tuple[Any, Any], w_shape: Shape, window: Window
    ) -> tuple[Any, Any]:
        if not _knows(window, x, *grads):
            return super().conv_moments_adjoint_w(x, grads, w_shape, window)
        return cupy_convolution.moments_adjoint_w(x, grads, w_shape, window)

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


def _knows(window: Window, first: Any, *others: Any) -> bool:
    """Whether the convolution is one for matrix products of patches."""
    return (
        window.groups == 1
        and len(window.strides) <= AXES
        and first.dtype in FLOATS
        and all(other.dtype == first.dtype for other in others)
    )


def _one_weight_each(window: Window, w: FlippedWeight, *arrays: Any) -> bool:
    """Whether every example has one weight, and enough positions to pay for it."""
    return (
        _knows(window, *w, *arrays)
        and min(math.prod(x.shape[1:-1]) for x in arrays) >= _POSITIONS
        and all(math.prod(signs.shape[1:-1]) == 1 for signs in (w.r, w.s))
    )


def _index_of(filter_shape: Shape) -> tuple[str, Any]:
    """Return which of the kernels stores the index of an offset, and its dtype."""
    dtype = index_dtype(np, math.prod(filter_shape))
    return ("short" if dtype == np.uint8 else "long"), dtype
