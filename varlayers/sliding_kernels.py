"""What the kernels share that slide a window over x.

    x_m[i] = x[i s + m d - low]      for every offset m of the filter: `_slide`
    dx[i s + m d - low] += dy_m[i]   its adjoint: `_fold`

With m d = t s + p, entry i of dy_m belongs to row i + t of phase p. So the adjoint adds
shifted arrays, phase by phase, and then puts the s phases side by side, axis by axis.

Shapes: x (n, *space, c), any number >= 1 of spatial axes; dy_m (n, *out, c).
"""

from functools import reduce
from operator import add
from typing import Any

from varlayers.types import Array, Shape
from varlayers.windows import Window, output_length, span_of

__all__ = ["SlidingKernels", "cut"]


class SlidingKernels:
    """The part of `Kernels` that cuts x into what the filter's offsets meet."""

    xp: Any

    def device(self, x: Array) -> Any:
        """Return the device that holds x."""
        return x.device

    def _slide(
        self, x: Array, filter_shape: Shape, window: Window, fill: float = 0.0
    ) -> list[Array]:
        """Return the entries of x that each offset meets, `fill` outside of x."""
        parts = [self._pads(x, window, fill)]
        for axis, size in enumerate(filter_shape, 1):
            parts = [met for x in parts for met in self._along(x, axis, size, window)]
        return parts

    def _fold(
        self, parts: list[Array], space: Shape, filter_shape: Shape, window: Window
    ) -> Array:
        """Return the adjoint of `_slide` for an x of this spatial shape."""
        for axis in range(len(space), 0, -1):
            size = filter_shape[axis - 1]
            rows = [parts[i : i + size] for i in range(0, len(parts), size)]
            parts = [self._across(row, axis, space[axis - 1], window) for row in rows]
        return parts[0]

    def _pads(self, x: Array, window: Window, fill: float = 0.0) -> Array:
        """Return x with the window's pads on every axis."""
        for axis, pads in enumerate(window.pads, 1):
            x = self._pad(x, axis, pads, fill)
        return x

    def _along(self, x: Array, axis: int, size: int, window: Window) -> list[Array]:
        """Return what each offset along one axis meets of padded x."""
        stride, dilation = window.strides[axis - 1], window.dilations[axis - 1]
        span = span_of(size, dilation)
        last = (output_length(x.shape[axis], span, stride, (0, 0)) - 1) * stride
        return [
            cut(x, axis, slice(start, start + last + 1, stride))
            for start in range(0, span, dilation)
        ]

    def _across(
        self, parts: list[Array], axis: int, length: int, window: Window
    ) -> Array:
        """Return the adjoint of `_along`, and of the pads, by x of this length."""
        stride, dilation = window.strides[axis - 1], window.dilations[axis - 1]
        low, rows = window.pads[axis - 1][0], (len(parts) - 1) * dilation // stride
        phases: list[list[Array]] = [[] for _ in range(stride)]
        for m, part in enumerate(parts):
            t, p = divmod(m * dilation, stride)
            phases[p].append(self._pad(part, axis, (t, rows - t)))
        none = self.xp.zeros_like(phases[0][0])
        sums = [reduce(add, phase) if phase else none for phase in phases]
        dx = self._side_by_side(sums, axis)
        return self._pad(dx, axis, (-low, length + low - dx.shape[axis]))

    def _side_by_side(self, phases: list[Array], axis: int) -> Array:
        """Return the phases with their entries along the axis in turn."""
        shape = phases[0].shape
        longer = (*shape[:axis], shape[axis] * len(phases), *shape[axis + 1 :])
        return self.xp.reshape(self.xp.stack(phases, axis=axis + 1), longer)

    def _pad(
        self, x: Array, axis: int, pads: tuple[int, int], fill: float = 0.0
    ) -> Array:
        """Return x with `fill` before and after, or with entries cut off."""
        low, high = (max(pad, 0) for pad in pads)
        x = cut(x, axis, slice(low - pads[0], x.shape[axis] - high + pads[1]))
        if not (low or high):
            return x
        parts = [self._full(x, axis, low, fill), x, self._full(x, axis, high, fill)]
        return self.xp.concat(parts, axis=axis)

    def _full(self, x: Array, axis: int, count: int, fill: float) -> Array:
        shape = (*x.shape[:axis], count, *x.shape[axis + 1 :])
        return self.xp.full(shape, fill, dtype=x.dtype, device=self.device(x))


def cut(x: Array, axis: int, where: slice) -> Array:
    """Return a slice of x along one axis."""
    return x[(*[slice(None)] * axis, where, *[slice(None)] * (len(x.shape) - axis - 1))]
