"""The pooling and the up-sampling of `Kernels`, and their ways back.

Per offset m of the filter, with x_m[i] = x[i s + m d - low], as `varlayers.windows`:

    forward                                    backward
    y = maxₘ x_m     -inf outside of x         dx_m = dy where m = index, else 0
    index = the first m with x_m = y
    y = Σₘ x_m       0 outside of x            dx_m = dy

where dx adds up its parts dx_m. The sums are taken along one axis after the other. With
stride and filter alike, the adjoint of the sum repeats every entry of dy.

Linear up-sampling makes s entries of each, in the centres of its s equal parts, with
f = (p + ½) / s - ½ for p < s, along one axis after the other:

    y[j s + p] = (1 - |f|) x[j] + |f| x[j ± 1]      the neighbor on the side of f's
                                                    sign, or x[j] at an edge

Shapes: x (n, *space, c); y, dy and index (n, *out, c). Any number >= 1 of spatial axes;
every channel is pooled on its own.
"""

import math
from functools import reduce
from operator import add
from typing import Any

from varlayers.sliding_kernels import SlidingKernels, cut
from varlayers.types import Array, Shape
from varlayers.windows import Window

__all__ = ["PoolingKernels", "index_dtype"]


class PoolingKernels(SlidingKernels):
    """The part of `Kernels` that pools."""

    def max_pool(
        self, x: Array, filter_shape: Shape, window: Window
    ) -> tuple[Array, Array]:
        """Return y = maxₘ x_m and the number of the first offset that attains it.

        The offsets are numbered with the last axis fastest. A window with a NaN gives
        NaN, and some offset; one of -inf alone gives some offset, too.
        """
        xp, parts = self.xp, self._slide(x, filter_shape, window, -math.inf)
        y, dtype = parts[0], index_dtype(self.xp, len(parts))
        index = xp.zeros(y.shape, dtype=dtype, device=self.device(x))
        for m, part in enumerate(parts[1:], 1):
            index = xp.where(part > y, m, index)
            y = xp.maximum(part, y)
        return y, index

    def max_pool_backward(
        self,
        dy: Array,
        index: Array,
        x_shape: Shape,
        filter_shape: Shape,
        window: Window,
    ) -> Array:
        """Return dx: every dy goes to the entry of x that `index` chose."""
        zero, count = self.xp.zeros_like(dy), math.prod(filter_shape)
        parts = [self.xp.where(index == m, dy, zero) for m in range(count)]
        return self._fold(parts, x_shape[1:-1], filter_shape, window)

    def sum_pool(self, x: Array, filter_shape: Shape, window: Window) -> Array:
        """Return y = Σₘ x_m."""
        x = self._pads(x, window)
        for axis, size in enumerate(filter_shape, 1):
            x = reduce(add, self._along(x, axis, size, window))
        return x

    def sum_pool_adjoint(
        self, dy: Array, x_shape: Shape, filter_shape: Shape, window: Window
    ) -> Array:
        """Return dx with ⟨dx, x⟩ = ⟨dy, sum_pool(x)⟩ for every x of this shape."""
        for axis, size in enumerate(filter_shape, 1):
            dy = self._across([dy] * size, axis, x_shape[axis], window)
        return dy

    def up_linear(self, x: Array, sizes: Shape) -> Array:
        """Return y (n, *(space sizes), c), interpolated between the entries of x."""
        for axis, size in enumerate(sizes, 1):
            first, last = cut(x, axis, slice(1)), cut(x, axis, slice(-1, None))
            before = self.xp.concat([first, cut(x, axis, slice(-1))], axis=axis)
            after = self.xp.concat([cut(x, axis, slice(1, None)), last], axis=axis)
            phases = [
                (1 - abs(f)) * x + abs(f) * (after if f > 0 else before) if f else x
                for f in _offsets(size)
            ]
            x = self._side_by_side(phases, axis)
        return x

    def up_linear_adjoint(self, dy: Array, sizes: Shape) -> Array:
        """Return dx with ⟨dx, x⟩ = ⟨dy, up_linear(x)⟩ for every x."""
        for axis, size in enumerate(sizes, 1):
            if size == 1:
                continue
            n = dy.shape[axis] // size
            parts = [
                (f, cut(dy, axis, slice(p, None, size)))
                for p, f in enumerate(_offsets(size))
            ]
            own = reduce(add, ((1 - abs(f)) * part for f, part in parts))
            before = reduce(add, (-f * part for f, part in parts if f < 0))
            after = reduce(add, (f * part for f, part in parts if f > 0))
            first, last = cut(before, axis, slice(1)), cut(after, axis, slice(-1, None))
            dy = (
                own
                + self._pad(before, axis, (-1, 1))
                + self._pad(first, axis, (0, n - 1))
                + self._pad(after, axis, (1, -1))
                + self._pad(last, axis, (n - 1, 0))
            )
        return dy


def _offsets(size: int) -> list[float]:
    """Return how far from its entry each of `size` parts has its centre."""
    return [(p + 0.5) / size - 0.5 for p in range(size)]


def index_dtype(xp: Any, count: int) -> Any:
    """Return the dtype of an index below `count`."""
    return xp.uint8 if count <= 256 else xp.int32
