"""The convolution of `Kernels` and its two adjoints.

Per offset m of the filter, with x_m[i] = x[i s + m d - low], 0 outside of x, the
entries of x that m meets, seen as rows of channels:

    y = Σₘ x_m w[m]      dw[m] = x_mᵀ dy      dx = conv of dy with w reversed

where the last takes dy with s - 1 zeros between its entries, and w with its channels
swapped (`adjoint_window`).

Shapes: x (n, *space, c); w (*filter, c / groups, o); y (n, *out, o). Any number >= 1 of
spatial axes. Group j takes channels from j c / groups on to those from j o / groups on.
"""

import itertools
import math
from collections.abc import Iterator
from functools import partial, reduce
from operator import add
from typing import Any

from varlayers import two_products
from varlayers.sliding_kernels import SlidingKernels
from varlayers.types import Array, FlippedWeight, Shape
from varlayers.windows import Window, adjoint_window, out_space

__all__ = ["ConvolutionKernels", "swap_channels"]


class ConvolutionKernels(SlidingKernels):
    """The part of `Kernels` that convolves."""

    def conv(self, x: Array, w: Array, window: Window) -> Array:
        """Return y[i] = Σₘ x[i s + m d - low] w[m], summed over the group's channels.

        Without the reversal of the filter that mathematics calls convolution.
        """
        space = out_space(x.shape[1:-1], w.shape[:-2], window)
        terms = (
            self._rows(part, window) @ self._rows(w[(*m, ...)], window)
            for m, part in self._meetings(x, w.shape[:-2], window)
        )
        return self._unrows(reduce(add, terms), (x.shape[0], *space, w.shape[-1]))

    def conv_adjoint_x(
        self, dy: Array, w: Array, x_shape: Shape, window: Window
    ) -> Array:
        """Return dx with ⟨dx, x⟩ = ⟨dy, conv(x, w)⟩ for every x of this shape."""
        filter_shape, space = w.shape[:-2], x_shape[1:-1]
        adjoint = adjoint_window(space, filter_shape, dy.shape[1:-1], window)
        reversed_w = self.xp.flip(w, axis=tuple(range(len(filter_shape))))
        for axis, stride in enumerate(window.strides, 1):
            dy = self._spread(dy, axis, stride)
        return ConvolutionKernels.conv(
            self, dy, swap_channels(self.xp, reversed_w, window.groups), adjoint
        )

    def conv_adjoint_w(
        self, x: Array, dy: Array, w_shape: Shape, window: Window
    ) -> Array:
        """Return dw with ⟨dw, w⟩ = ⟨dy, conv(x, w)⟩ for every w of this shape."""
        xp, rows = self.xp, self._rows(dy, window)
        parts = [
            xp.matrix_transpose(self._rows(part, window)) @ rows
            for _, part in self._meetings(x, w_shape[:-2], window)
        ]
        each = [self._unrows(part, w_shape[-2:]) for part in parts]
        return xp.reshape(xp.stack(each), w_shape)

    def conv_flipped(self, x: Array, w: FlippedWeight, window: Window) -> Array:
        """Return conv(x, loc) + conv(x r, Δ) s."""
        return two_products.flipped(self, partial(self.conv, window=window), x, w)

    def conv_flipped_adjoint_x(
        self, dy: Array, w: FlippedWeight, x_shape: Shape, window: Window
    ) -> Array:
        """Return the adjoint of `conv_flipped` by x."""
        adjoint = partial(self.conv_adjoint_x, x_shape=x_shape, window=window)
        return two_products.flipped_adjoint_x(self, adjoint, dy, w)

    def conv_flipped_adjoint_w(
        self, x: Array, dy: Array, w: FlippedWeight, window: Window
    ) -> tuple[Array, Array]:
        """Return the adjoints of `conv_flipped` by loc and Δ."""
        shape = w.delta.shape
        adjoint = partial(self.conv_adjoint_w, w_shape=shape, window=window)
        return two_products.flipped_adjoint_w(self, adjoint, x, dy, w)

    def conv_moments(
        self, x: Array, loc: Array, var: Array, window: Window
    ) -> tuple[Array, Array]:
        """Return conv(x, loc) and conv(x², var)."""
        return two_products.moments(
            self, partial(self.conv, window=window), x, loc, var
        )

    def conv_moments_adjoint_w(
        self, x: Array, grads: tuple[Array, Array], w_shape: Shape, window: Window
    ) -> tuple[Array, Array]:
        """Return the gradients of `conv_moments` by loc and var for (dm, dv)."""
        adjoint = partial(self.conv_adjoint_w, w_shape=w_shape, window=window)
        return two_products.moments_adjoint_w(self, adjoint, x, grads)

    def _meetings(
        self, x: Array, filter_shape: Shape, window: Window
    ) -> Iterator[tuple[tuple[int, ...], Array]]:
        """Return every offset m of the filter and the entries of x that it meets."""
        offsets = itertools.product(*map(range, filter_shape))
        return zip(offsets, self._slide(x, filter_shape, window), strict=True)

    def _spread(self, x: Array, axis: int, stride: int) -> Array:
        """Return x with stride - 1 zeros between its entries."""
        spread = self._side_by_side([x, *[self.xp.zeros_like(x)] * (stride - 1)], axis)
        return self._pad(spread, axis, (0, 1 - stride))

    def _rows(self, x: Array, window: Window) -> Array:
        """Return x, or one offset of w, as (groups, rows, channels of the group)."""
        size, groups = math.prod(x.shape[:-1]), window.groups
        split = self.xp.reshape(x, (size, groups, x.shape[-1] // groups))
        return self.xp.permute_dims(split, (1, 0, 2))

    def _unrows(self, rows: Array, shape: Shape) -> Array:
        return self.xp.reshape(self.xp.permute_dims(rows, (1, 0, 2)), shape)


def swap_channels(xp: Any, w: Array, groups: int) -> Array:
    """Return w (*filter, c / groups, o) as that of the way back, (…, o / groups, c)."""
    *window, fan_in, out = w.shape
    axes = range(len(window))
    split = xp.reshape(w, (*window, fan_in, groups, out // groups))
    swapped = xp.permute_dims(split, (*axes, *(len(window) + i for i in (2, 1, 0))))
    return xp.reshape(swapped, (*window, out // groups, groups * fan_in))
