"""Convolution: the bilinear map that slides one filter over every position.

    y[i]  = Σₘ x[i s + m d - low] w[m]         over the channels of a group
    dx[j] = Σₘ dy[(j + low - m d) / s] w[m]ᵀ   where s divides
    dw[m] = Σᵢ x[i s + m d - low]ᵀ dy[i]       over the examples, too

i, j and m index `rank` axes, each with its stride s, dilation d and pads (low, high);
`varlayers.windows` has the lengths, and the pads of every padding.

Shapes: x (*batch, *space, c); w (*filter, c / groups, o); y (*batch, *out, o). With
channels first, x (*batch, c, *space) and y (*batch, o, *out), and w the same. The batch
may have any number of axes, also none; each of its indices is one example. Group j
takes the channels from j c / groups on to those from j o / groups on.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from varlayers.kernels import Kernels
from varlayers.maps.bilinear_map import BilinearMap
from varlayers.maps.channels import Channels
from varlayers.maps.settings import settle
from varlayers.types import Array, FlippedWeight, Shape
from varlayers.windows import Padding, Window, out_space, pads_of, span_of

__all__ = ["CONVOLUTION", "Convolution"]


@dataclass(frozen=True)
class Convolution(BilinearMap):
    """x (*batch, *space, c) convolved with w (*filter, c / groups, o).

    Args:
        rank: number of spatial axes, >= 1.
        strides: steps of the window, >= 1: one for all axes or one for each.
        dilations: distances between neighbors of the filter, >= 1, as `strides`.
        padding: "valid", "same", "causal" (rank 1), "anticausal" (rank 1), or zeros
            per side: one number for all axes, or for each a number or (low, high).
        groups: into how many the channels are divided, >= 1; with as many as there
            are input channels the convolution is depthwise.
        data_format: "channels_last" or "channels_first".

    Raises:
        TypeError: if a number is not an integer.
        ValueError: if an argument is out of range, or has another number of axes.
    """

    rank: int = 2
    strides: int | Shape = 1
    dilations: int | Shape = 1
    padding: Any = "valid"
    groups: int = 1
    data_format: str = "channels_last"

    def __post_init__(self) -> None:
        settle("Convolution", self)

    def apply(self, k: Kernels, x: Array, w: Array) -> Array:
        channels = self.channels
        window = self.window(channels.split(x.shape)[1], w.shape[:-2])
        y = k.conv(channels.enter(k, x), w, window)
        return channels.leave(k, y, channels.split(x.shape)[0])

    def adjoint_x(self, k: Kernels, dy: Array, w: Array, x_shape: Shape) -> Array:
        channels = self.channels
        count, *space, size = channels.canonical(x_shape)
        window = self.window(tuple(space), w.shape[:-2])
        dy = channels.enter(k, dy)
        dx = k.conv_adjoint_x(dy, w, (count, *space, size), window)
        return channels.leave(k, dx, channels.split(x_shape)[0])

    def adjoint_w(self, k: Kernels, x: Array, dy: Array, w_shape: Shape) -> Array:
        channels = self.channels
        window = self.window(channels.split(x.shape)[1], w_shape[:-2])
        x, dy = channels.enter(k, x), channels.enter(k, dy)
        return k.conv_adjoint_w(x, dy, w_shape, window)

    def apply_flipped(self, k: Kernels, x: Array, w: FlippedWeight) -> Array:
        channels = self.channels
        window = self.window(channels.split(x.shape)[1], w.loc.shape[:-2])
        y = k.conv_flipped(channels.enter(k, x), self._enter(k, w), window)
        return channels.leave(k, y, channels.split(x.shape)[0])

    def flipped_adjoint_x(
        self, k: Kernels, dy: Array, w: FlippedWeight, x_shape: Shape
    ) -> Array:
        channels = self.channels
        count, *space, size = channels.canonical(x_shape)
        window = self.window(tuple(space), w.loc.shape[:-2])
        dy, w = channels.enter(k, dy), self._enter(k, w)
        dx = k.conv_flipped_adjoint_x(dy, w, (count, *space, size), window)
        return channels.leave(k, dx, channels.split(x_shape)[0])

    def flipped_adjoint_w(
        self, k: Kernels, x: Array, dy: Array, w: FlippedWeight
    ) -> tuple[Array, Array]:
        channels = self.channels
        window = self.window(channels.split(x.shape)[1], w.loc.shape[:-2])
        x, dy = channels.enter(k, x), channels.enter(k, dy)
        return k.conv_flipped_adjoint_w(x, dy, self._enter(k, w), window)

    def moments(
        self, k: Kernels, x: Array, loc: Array, var: Array
    ) -> tuple[Array, Array]:
        channels = self.channels
        batch, space, _ = channels.split(x.shape)
        window = self.window(space, loc.shape[:-2])
        m, v = k.conv_moments(channels.enter(k, x), loc, var, window)
        return channels.leave(k, m, batch), channels.leave(k, v, batch)

    def moments_adjoint_w(
        self, k: Kernels, x: Array, grads: tuple[Array, Array], w_shape: Shape
    ) -> tuple[Array, Array]:
        channels = self.channels
        window = self.window(channels.split(x.shape)[1], w_shape[:-2])
        x, dm, dv = (channels.enter(k, each) for each in (x, *grads))
        return k.conv_moments_adjoint_w(x, (dm, dv), w_shape, window)

    def out_shape(self, x_shape: Shape, w_shape: Shape) -> Shape:
        self.channels.check("Convolution", x_shape, w_shape[-2] * self.groups)
        batch, space, _ = self.channels.split(x_shape)
        out = out_space(space, w_shape[:-2], self.window(space, w_shape[:-2]))
        if min(out) < 1:
            spans = tuple(span for _, span, _ in self.axes(w_shape[:-2]))
            msg = (
                f"Convolution expected `x` with positions for a filter that spans "
                f"{spans}, got {space} with padding {self.padding!r}. "
                "Take a smaller filter, or pad more."
            )
            raise ValueError(msg)
        return self.channels.join(batch, out, w_shape[-1])

    def sign_shapes(self, x_shape: Shape, y_shape: Shape) -> tuple[Shape, Shape]:
        per_example = self.channels.per_example
        return per_example(x_shape), per_example(y_shape)

    def add_channels(self, k: Kernels, y: Array, b: Array) -> Array:
        return self.channels.add(k, y, b)

    def sum_channels(self, k: Kernels, dy: Array) -> Array:
        return self.channels.sum(k, dy)

    @cached_property
    def channels(self) -> Channels:
        """Where x and y keep their channels."""
        return Channels(self.rank, self.data_format == "channels_first")

    def axes(self, filter_shape: Shape) -> list[tuple[Padding, int, int]]:
        """Return (padding, span of the filter, stride) of every axis."""
        padding, (strides, dilations) = self.padding, self._steps
        paddings = (padding,) * self.rank if isinstance(padding, str) else padding
        spans = map(span_of, filter_shape, dilations)
        return list(zip(paddings, spans, strides, strict=True))

    def window(self, space: Shape, filter_shape: Shape) -> Window:
        """Return the window over an input of this spatial shape."""
        pads = tuple(
            pads_of(padding, length, span, stride)
            for length, (padding, span, stride) in zip(
                space, self.axes(filter_shape), strict=True
            )
        )
        return Window(*self._steps, pads, self.groups)

    def _enter(self, k: Kernels, w: FlippedWeight) -> FlippedWeight:
        r, s = (self.channels.enter(k, signs) for signs in (w.r, w.s))
        return FlippedWeight(w.loc, w.delta, r, s)

    @property
    def _steps(self) -> tuple[Shape, Shape]:
        return cast("Shape", self.strides), cast("Shape", self.dilations)


CONVOLUTION = Convolution()
