"""Max pooling of torch tensors: torch's own, on views with the channels second.

torch says which entry of the plane a window took, counted in the order of the axes; the
kernels save the number m of its offset, in one byte. With `start` the entry that a
window begins at, and `step`[m] how far offset m is from it,

    index = m with start + step[m] = what torch says

Padding is made by hand, with -inf. One axis becomes two, the first of length 1; ranks
above 3, which torch lacks, go to the generic bodies.
"""

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from varlayers.types import Shape
from varlayers.windows import Window

__all__ = ["knows", "max_pool", "max_pool_backward"]

_POOL = {2: functional.max_pool2d, 3: functional.max_pool3d}
_BACKWARD = {
    2: torch.ops.aten.max_pool2d_with_indices_backward,
    3: torch.ops.aten.max_pool3d_with_indices_backward,
}


def knows(filter_shape: Shape) -> bool:
    """Whether torch pools this rank, and the index fits a byte."""
    return len(filter_shape) <= 3 and math.prod(filter_shape) <= 256


def max_pool(x: Tensor, filter_shape: Shape, window: Window) -> tuple[Tensor, Tensor]:
    """Return `Kernels.max_pool` of padded x."""
    rank = len(filter_shape)
    sizes, strides, dilations = _at_least_two(filter_shape, window)
    x = (x[:, None] if rank == 1 else x).movedim(-1, 1)
    y, taken = _POOL[len(sizes)](x, sizes, strides, 0, dilations, return_indices=True)
    start, step = _entries(x.shape[2:], y.shape[2:], sizes, strides, dilations)
    table = torch.zeros(int(step[-1]) + 1, dtype=torch.uint8)
    table[step] = torch.arange(len(step), dtype=torch.uint8)
    # Of -inf alone torch may name an entry outside of the window.
    steps = (taken - start.to(x.device)).clamp(0, len(table) - 1).movedim(1, -1)
    index = table.to(x.device).index_select(0, steps.reshape(-1))
    y, index = y.movedim(1, -1), index.reshape(steps.shape)
    return (y[:, 0], index[:, 0]) if rank == 1 else (y, index)


def max_pool_backward(
    dy: Tensor, index: Tensor, x_shape: Shape, filter_shape: Shape, window: Window
) -> Tensor:
    """Return `Kernels.max_pool_backward` for a padded x of this shape."""
    rank = len(filter_shape)
    sizes, strides, dilations = _at_least_two(filter_shape, window)
    if rank == 1:
        dy, index, x_shape = dy[:, None], index[:, None], (x_shape[0], 1, *x_shape[1:])
    start, step = _entries(x_shape[1:-1], dy.shape[1:-1], sizes, strides, dilations)
    steps = step.to(dy.device).index_select(0, index.reshape(-1).int())
    taken = steps.reshape(index.shape).movedim(-1, 1) + start.to(dy.device)
    x = dy.new_empty(x_shape).movedim(-1, 1)  # of which torch reads the shape
    zeros = (0,) * len(sizes)
    dx = _BACKWARD[len(sizes)](
        dy.movedim(-1, 1), x, sizes, strides, zeros, dilations, False, taken
    ).movedim(1, -1)
    return dx[:, 0] if rank == 1 else dx


def _at_least_two(filter_shape: Shape, window: Window) -> tuple[Shape, Shape, Shape]:
    """Return filter, strides and dilations with two axes in place of one."""
    one = (1,) * (len(filter_shape) == 1)
    return one + filter_shape, one + window.strides, one + window.dilations


def _entries(
    space: Sequence[int],
    out: Sequence[int],
    sizes: Shape,
    strides: Shape,
    dilations: Shape,
) -> tuple[Tensor, Tensor]:
    """Return the entry (*out) where each window starts, and each offset's step."""
    units = [math.prod(space[axis + 1 :]) for axis in range(len(space))]
    start = torch.zeros((), dtype=torch.int64)
    for count, stride, unit in zip(out, strides, units, strict=True):
        start = start[..., None] + torch.arange(count) * (stride * unit)
    per_axis = (
        [m * dilation * unit for m in range(size)]
        for size, dilation, unit in zip(sizes, dilations, units, strict=True)
    )
    return start, torch.tensor([sum(m) for m in itertools.product(*per_axis)])
