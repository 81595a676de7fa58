"""The gradient of a convolution by its input, as a convolution without a stride.

    adjoint_x    dx_p = patches(dy) w_p       for every phase p < s of every axis

An entry dx[j] with j + low = t s + p meets only the filter's offsets m d = q s + p. So
dx is a convolution of dy, without a stride, to s times as many channels, one set for
each phase, which are then put side by side; nothing is added up in place.

Whole numbers only: every backend brings its own arrays.
"""

from typing import NamedTuple

from varlayers.types import Shape
from varlayers.windows import Window, span_of

__all__ = ["WayBack", "way_back"]


class WayBack(NamedTuple):
    """The convolution of dy that gives the phases of dx, and how they fit together.

    Attributes:
        window: of that convolution.
        starts: the place of dx[0] among the phases put side by side, by axis.
        counts: how many entries each phase has.
        strides: how many phases there are.
    """

    window: Window
    starts: Shape
    counts: Shape
    strides: Shape


def way_back(y_space: Shape, w_shape: Shape, x_shape: Shape, window: Window) -> WayBack:
    """Return the way back from y (n, *y_space, o) to x, for w (*filter, c, o)."""
    pads, dilations, starts, counts = [], [], [], []
    for n, size, out, stride, dilation, (low, _) in zip(
        x_shape[1:-1], w_shape[:-2], y_space, *window[:3], strict=True
    ):
        first, last = low // stride, (low + n - 1) // stride
        reach = (span_of(size, dilation) - 1) // stride
        dilations.append(dilation if stride == 1 else 1)
        count = last - first + 1
        pads.append((reach - first, count - out + first))
        starts.append(low - first * stride)
        counts.append(count)
    ones = (1,) * len(pads)
    way = Window(ones, tuple(dilations), tuple(pads))
    return WayBack(way, tuple(starts), tuple(counts), window.strides)
