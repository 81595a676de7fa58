"""Patches of NumPy arrays: what each output of a convolution sees, block by block.

A patch is (*filter, c) in a row. The patches of a few examples, or of a part of one,
are copied into a buffer of at most `BLOCK` bytes, or one position's, which stays in the
cache until a matrix product has read it.

Memory beside the argument: a block, and the padded input of a block.

Reference: Chellapilla, Puri & Simard (2006), "High performance convolutional neural
networks for document processing".
"""

import itertools
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from varlayers.types import Shape
from varlayers.windows import Window, out_space
from varlayers_backends.numpy_buffers import empty, zeros

__all__ = ["BLOCK", "Pads", "blocks_of", "meetings", "padded_of"]

BLOCK = 1 << 21  # bytes; from half to twice as large are as fast


def blocks_of(
    x: Any, filter_shape: Shape, window: Window, extra: int = 0
) -> Iterator[tuple[slice, Iterator[tuple[slice, Any]]]]:
    """Yield groups of examples, each with the parts of its outputs.

    A part is the positions along the first axis and their patches, one in a row. The
    caller may change the patches; the next part overwrites them.

    Args:
        x: (n, *space, c).
        filter_shape: of the filter.
        window: how it slides.
        extra: bytes that the caller needs for each example of a group.
    """
    out = out_space(x.shape[1:-1], filter_shape, window)
    width = math.prod(filter_shape) * x.shape[-1]
    sizes = _sizes(x, out, width, extra)
    buffer = empty((math.prod(sizes) * math.prod(out[1:]) * width,), x.dtype)
    for examples, padded in padded_of(x, window, sizes.examples):
        every = _patches(padded, filter_shape, out, window)
        yield examples, _parts(every, buffer, sizes.positions, width)


def _parts(
    every: Any, buffer: Any, positions: int, width: int
) -> Iterator[tuple[slice, Any]]:
    """Yield positions along the first axis, and their patches copied to the buffer."""
    for start in range(0, every.shape[1], positions):
        part = every[:, start : start + positions]
        block = buffer[: part.size].reshape(part.shape)
        np.copyto(block, part)
        yield slice(start, start + part.shape[1]), block.reshape(-1, width)


class _Sizes(NamedTuple):
    """How many examples, and positions along the first axis, a block has."""

    examples: int
    positions: int


def _sizes(x: Any, out: Shape, width: int, extra: int) -> _Sizes:
    """Return blocks of at most `BLOCK` bytes, or one position, all about as large."""
    position = max(1, math.prod(out[1:]) * width * x.itemsize)
    parts = -(-out[0] // max(1, BLOCK // position))
    examples = max(1, min(len(x), BLOCK // max(position * out[0], extra)))
    return _Sizes(examples, -(-out[0] // parts))


class Pads(NamedTuple):
    """Where x lies in x with its pads, and what of x is kept.

    Attributes:
        lengths: of the padded spatial axes.
        inside: the part of padded x (n, *lengths, c) that x fills.
        kept: the part of x that fills it; where pads cut, not all.
    """

    lengths: Shape
    inside: tuple[slice, ...]
    kept: tuple[slice, ...]

    @classmethod
    def of(cls, space: Shape, window: Window) -> "Pads":
        """Return those of an x of this spatial shape."""
        lengths, inside, kept = [], [slice(None)], [slice(None)]
        for n, (low, high) in zip(space, window.pads, strict=True):
            lengths.append(n + low + high)
            inside.append(slice(max(low, 0), n + low + min(high, 0)))
            kept.append(slice(max(-low, 0), n + min(high, 0)))
        return cls(tuple(lengths), tuple(inside), tuple(kept))

    def padded(self, x: Any, fill: float) -> Any:
        """Return x with its pads, all of them `fill`."""
        shape = (len(x), *self.lengths, x.shape[-1])
        padded = np.full(shape, fill, x.dtype)
        padded[self.inside] = x[self.kept]
        return padded


def padded_of(x: Any, window: Window, count: int) -> Iterator[tuple[slice, Any]]:
    """Yield `count` examples of x with zeros for pads, in a buffer of the next, too."""
    lengths, inside, kept = Pads.of(x.shape[1:-1], window)
    buffer = zeros((min(count, len(x)), *lengths, x.shape[-1]), x.dtype)
    for start in range(0, len(x), count):
        part = x[start : start + count]
        padded = buffer[: len(part)]
        padded[inside] = part[kept]
        yield slice(start, start + len(part)), padded


def meetings(
    filter_shape: Shape, out: Shape, window: Window
) -> Iterator[tuple[slice, ...]]:
    """Yield where padded x (n, *space, c) meets each offset of the filter."""
    for m in itertools.product(*map(range, filter_shape)):
        where = (
            slice(i * d, i * d + (count - 1) * stride + 1, stride)
            for i, count, stride, d in zip(m, out, *window[:2], strict=True)
        )
        yield (slice(None), *where)


def _patches(x: Any, filter_shape: Shape, out: Shape, window: Window) -> Any:
    """Return a view (n, *out, *filter, c) of padded x."""
    steps = x.strides[1:-1]
    return as_strided(
        x,
        (len(x), *out, *filter_shape, x.shape[-1]),
        (
            x.strides[0],
            *(step * s for step, s in zip(steps, window.strides, strict=True)),
            *(step * d for step, d in zip(steps, window.dilations, strict=True)),
            x.strides[-1],
        ),
        writeable=False,
    )
