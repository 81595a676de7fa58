"""Convolutions of torch tensors: torch's own, on views with the channels second.

The views of (n, *space, c) are what torch calls channels last, its fastest order; its
kernels read and write it as it is. Pads that differ between the sides are made by hand:

    conv         x is padded, or cut, to what the same zeros on both sides give
    adjoint_x    the transposed convolution of the padded x, cut to x
    adjoint_w    the gradient by the weight for the padded x

Ranks above 3, which torch lacks, go to the generic bodies.
"""

from itertools import chain

from torch import Tensor
from torch.nn import functional, grad

from varlayers.types import Shape
from varlayers.windows import Window, span_of

__all__ = ["adjoint_w", "adjoint_x", "conv", "knows"]

_CONV = (functional.conv1d, functional.conv2d, functional.conv3d)
_TRANSPOSE = (
    functional.conv_transpose1d,
    functional.conv_transpose2d,
    functional.conv_transpose3d,
)
_WEIGHT = (grad.conv1d_weight, grad.conv2d_weight, grad.conv3d_weight)


def knows(window: Window) -> bool:
    """Whether torch has convolutions of this rank."""
    return len(window.strides) <= len(_CONV)


def conv(x: Tensor, w: Tensor, window: Window) -> Tensor:
    """Return `Kernels.conv`."""
    x, both = _padded(x.movedim(-1, 1), window)
    function = _CONV[len(both) - 1]
    weight = _weight_first(w)
    y = function(
        x,
        weight,
        stride=window.strides,
        padding=both,
        dilation=window.dilations,
        groups=window.groups,
    )
    return y.movedim(1, -1)


def adjoint_x(dy: Tensor, w: Tensor, x_shape: Shape, window: Window) -> Tensor:
    """Return `Kernels.conv_adjoint_x`."""
    space, out = x_shape[1:-1], dy.shape[1:-1]
    both = _both_sides(window)
    rest = [
        n + low + high - (length - 1) * stride - span_of(size, dilation)
        for n, (low, high), length, stride, size, dilation in zip(
            space,
            window.pads,
            out,
            window.strides,
            w.shape,
            window.dilations,
            strict=False,
        )
    ]
    dx = _TRANSPOSE[len(both) - 1](
        dy.movedim(-1, 1),
        _weight_first(w),
        stride=window.strides,
        padding=both,
        output_padding=rest,
        dilation=window.dilations,
        groups=window.groups,
    )
    return _padded(dx, window, -1)[0].movedim(1, -1)


def adjoint_w(x: Tensor, dy: Tensor, w_shape: Shape, window: Window) -> Tensor:
    """Return `Kernels.conv_adjoint_w`."""
    x, both = _padded(x.movedim(-1, 1), window)
    *filter_shape, fan_in, out = w_shape
    dw = _WEIGHT[len(both) - 1](
        x,
        (out, fan_in, *filter_shape),
        dy.movedim(-1, 1),
        stride=window.strides,
        padding=both,
        dilation=window.dilations,
        groups=window.groups,
    )
    return dw.movedim((0, 1), (-1, -2))


def _weight_first(w: Tensor) -> Tensor:
    """Return (*filter, c / groups, o) as (o, c / groups, *filter)."""
    return w.movedim((-1, -2), (0, 1))


def _both_sides(window: Window) -> tuple[int, ...]:
    """Return the zeros that torch adds on both sides of each axis."""
    return tuple(max(0, min(pads)) for pads in window.pads)


def _padded(x: Tensor, window: Window, sign: int = 1) -> tuple[Tensor, Shape]:
    """Return x (n, c, *space) with the other zeros, or without, and those of torch."""
    both = _both_sides(window)
    rest = [
        (sign * (low - pad), sign * (high - pad))
        for (low, high), pad in zip(window.pads, both, strict=True)
    ]
    if not any(map(any, rest)):
        return x, both
    return functional.pad(x, list(chain(*reversed(rest)))), both
