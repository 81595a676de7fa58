"""Windows: how a filter slides over the axes of an array, in whole numbers.

For one axis, a filter of k entries with dilation d spans e = (k - 1) d + 1. Over an
input of n entries with `low` zeros before and `high` after, in steps of s, it gives

    y[i] = Σₘ x[i s + m d - low] w[m]     out = (n + low + high - e) // s + 1 entries

    padding         low, high
    "valid"         0, 0
    "same"          t // 2, t - t // 2     t = max((out - 1) s + e - n, 0)
    "causal"        e - 1, 0               y[i] depends on x[j] with j <= i s only
    "anticausal"    0, e - 1               y[i] depends on x[j] with j >= i s only
    (a, b)          a, b

With "same", out = ⌈n / s⌉: the extra zero goes to the end, and with a stride
the pads depend on n.

The transposed convolution goes from out entries to n. With a stride above 1 several n
fit: those from `shortest_input` on, s of them. Unless told, "valid" takes the first
that is at least out s, (a, b) the first, every other padding out s.
"""

import math
from typing import NamedTuple, TypeAlias, cast

from varlayers.types import Shape

__all__ = [
    "PADDINGS",
    "Padding",
    "Pads",
    "Window",
    "adjoint_window",
    "counts_of",
    "input_length",
    "out_space",
    "output_length",
    "pads_of",
    "shortest_input",
    "span_of",
]

Pads: TypeAlias = tuple[int, int]
Padding: TypeAlias = str | Pads

PADDINGS = ("anticausal", "causal", "same", "valid")


class Window(NamedTuple):
    """What a convolution is told beside its arrays; the tuples have one entry per axis.

    Attributes:
        strides: steps of the window, >= 1.
        dilations: distances between neighboring entries of the filter, >= 1.
        pads: zeros (before, after) each axis; a negative number cuts entries off.
        groups: into how many the channels are divided; each sees its own only.
    """

    strides: Shape
    dilations: Shape
    pads: tuple[Pads, ...]
    groups: int = 1


def span_of(size: int, dilation: int) -> int:
    """Return how many entries a filter reaches over, from its first to its last."""
    return (size - 1) * dilation + 1


def pads_of(padding: Padding, length: int, span: int, stride: int) -> Pads:
    """Return (low, high) for an input of this length."""
    if padding == "valid":
        return (0, 0)
    if padding == "causal":
        return (span - 1, 0)
    if padding == "anticausal":
        return (0, span - 1)
    if padding == "same":
        total = max((math.ceil(length / stride) - 1) * stride + span - length, 0)
        return (total // 2, total - total // 2)
    return cast("Pads", padding)


def output_length(length: int, span: int, stride: int, pads: Pads) -> int:
    """Return the length of a convolution's output; below 1 where nothing fits."""
    return (length + sum(pads) - span) // stride + 1


def counts_of(
    length: int, size: int, stride: int, dilation: int, pads: Pads
) -> tuple[int, ...]:
    """Return how many entries of the input each output meets, pads not counted."""
    count = output_length(length, span_of(size, dilation), stride, pads)
    starts = range(-pads[0], -pads[0] + count * stride, stride)

    def below(end: int) -> int:
        """Return how many offsets m have m dilation < end."""
        return min(max(math.ceil(end / dilation), 0), size)

    return tuple(below(length - start) - below(-start) for start in starts)


def out_space(space: Shape, filter_shape: Shape, window: Window) -> Shape:
    """Return the spatial shape of a convolution's output."""
    return tuple(
        output_length(n, span_of(size, dilation), stride, pads)
        for n, size, stride, dilation, pads in zip(
            space, filter_shape, *window[:3], strict=True
        )
    )


def shortest_input(padding: Padding, length: int, span: int, stride: int) -> int:
    """Return the least n that a convolution takes to this output length."""
    pads = 0 if padding == "valid" else span - 1
    if not isinstance(padding, str):
        pads = sum(padding)
    return (length - 1) * stride + span - pads


def input_length(padding: Padding, length: int, span: int, stride: int) -> int:
    """Return the n that a transposed convolution takes unless told."""
    shortest = shortest_input(padding, length, span, stride)
    return max(shortest, length * stride) if isinstance(padding, str) else shortest


def adjoint_window(
    space: Shape, filter_shape: Shape, y_space: Shape, window: Window
) -> Window:
    """Return the window of the convolution that is the adjoint by the input.

    It takes dy, with stride - 1 zeros between its entries, by the filter reversed:

        dx[j] = Σₘ dy[(j + low - m d) / s] w[m]     where s divides
    """
    pads = []
    for n, size, out, stride, dilation, (low, _) in zip(
        space, filter_shape, y_space, *window[:3], strict=True
    ):
        span = span_of(size, dilation)
        before = span - 1 - low
        pads.append((before, n - (out - 1) * stride + span - 2 - before))
    ones = (1,) * len(space)
    return Window(ones, window.dilations, tuple(pads), window.groups)
