"""Matrix product: the bilinear map of a dense layer.

    f(x, w) = x w
    dx = dy wᵀ
    dw = Σ xᵀ dy, over every leading axis

Shapes: x (..., i); w (i, o); y (..., o).

Axis 0 counts the examples and the last axis the channels; any axes between are
positions of one example (time steps, members of a set) and share its signs.
"""

import math
from dataclasses import dataclass

from varlayers.kernels import Kernels
from varlayers.maps.bilinear_map import BilinearMap
from varlayers.types import Array, Shape

__all__ = ["MATMUL", "Matmul"]


@dataclass(frozen=True)
class Matmul(BilinearMap):
    """x (..., i) times w (i, o)."""

    def apply(self, k: Kernels, x: Array, w: Array) -> Array:
        y = k.matmul(_rows(k, x), w)
        return k.xp.reshape(y, (*x.shape[:-1], w.shape[1]))

    def adjoint_x(self, k: Kernels, dy: Array, w: Array, x_shape: Shape) -> Array:
        return k.xp.reshape(k.matmul(_rows(k, dy), w.T), x_shape)

    def adjoint_w(self, k: Kernels, x: Array, dy: Array, w_shape: Shape) -> Array:
        return k.matmul(_rows(k, x).T, _rows(k, dy))

    def out_shape(self, x_shape: Shape, w_shape: Shape) -> Shape:
        if not x_shape or x_shape[-1] != w_shape[0]:
            msg = f"Expected `x` of shape (..., {w_shape[0]}), got {tuple(x_shape)}."
            raise ValueError(msg)
        return (*x_shape[:-1], w_shape[1])

    def sign_shapes(self, x_shape: Shape, y_shape: Shape) -> tuple[Shape, Shape]:
        return _per_example(x_shape), _per_example(y_shape)

    def add_channels(self, k: Kernels, y: Array, b: Array) -> Array:
        return k.add_channels_(y, b)

    def sum_channels(self, k: Kernels, dy: Array) -> Array:
        return k.sum_channels(dy)


def _rows(k: Kernels, x: Array) -> Array:
    return x if x.ndim == 2 else k.xp.reshape(x, (math.prod(x.shape[:-1]), x.shape[-1]))


def _per_example(shape: Shape) -> Shape:
    if len(shape) < 2:
        return tuple(shape)
    return (shape[0], *(1 for _ in shape[1:-1]), shape[-1])


MATMUL = Matmul()
