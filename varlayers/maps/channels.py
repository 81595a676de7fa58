"""Where an array keeps its examples, its positions and its channels.

    channels last     (*batch, *space, c)      (..., c)
    channels first    (*batch, c, *space)      the channels before the last `rank` axes

Convolutions compute on (n, *space, c), n the product of the batch. Every index of the
batch is one example, with signs of its own that all its positions share.
"""

import math
from dataclasses import dataclass

from varlayers.kernels import Kernels
from varlayers.types import Array, Shape

__all__ = ["Channels"]


@dataclass(frozen=True)
class Channels:
    """The order of axes of arrays with `rank` spatial axes."""

    rank: int
    first: bool

    def check(self, owner: str, shape: Shape, channels: int | None = None) -> None:
        """Raise unless the shape has the axes and, where told, so many channels."""
        if len(shape) <= self.rank or channels not in (None, self.split(shape)[2]):
            space, size = ", ".join(["space"] * self.rank), channels or "channels"
            wanted = f"{size}, {space}" if self.first else f"{space}, {size}"
            msg = f"{owner} expected `x` of shape (..., {wanted}), got {tuple(shape)}."
            raise ValueError(msg)

    def check_positions(self, owner: str, shape: Shape) -> None:
        """Raise unless the shape has the axes, and a position along each."""
        self.check(owner, shape)
        space = self.split(shape)[1]
        if min(space) < 1:
            msg = f"{owner} expected `x` with at least one position, got {space}."
            raise ValueError(msg)

    def split(self, shape: Shape) -> tuple[Shape, Shape, int]:
        """Return (batch, space, channels)."""
        batch, rest = tuple(shape[: -self.rank - 1]), tuple(shape[-self.rank - 1 :])
        if self.first:
            return batch, rest[1:], rest[0]
        return batch, rest[:-1], rest[-1]

    def join(self, batch: Shape, space: Shape, channels: int) -> Shape:
        """Return the shape with these parts."""
        if self.first:
            return (*batch, channels, *space)
        return (*batch, *space, channels)

    def canonical(self, shape: Shape) -> Shape:
        """Return (n, *space, c)."""
        batch, space, channels = self.split(shape)
        return (math.prod(batch), *space, channels)

    def enter(self, k: Kernels, x: Array) -> Array:
        """Return x as (n, *space, c)."""
        count, *space, channels = self.canonical(x.shape)
        if not self.first:
            return k.xp.reshape(x, (count, *space, channels))
        axes = (0, *range(2, self.rank + 2), 1)
        return k.xp.permute_dims(k.xp.reshape(x, (count, channels, *space)), axes)

    def leave(self, k: Kernels, y: Array, batch: Shape) -> Array:
        """Return y (n, *space, c) with its batch and order of axes."""
        _, *space, channels = y.shape
        if self.first:
            y = k.xp.permute_dims(y, (0, self.rank + 1, *range(1, self.rank + 1)))
        return k.xp.reshape(y, self.join(batch, tuple(space), channels))

    def per_example(self, shape: Shape) -> Shape:
        """Return the shape with one entry per example and channel."""
        batch, space, channels = self.split(shape)
        return self.join(batch, (1,) * len(space), channels)

    def add(self, k: Kernels, y: Array, b: Array) -> Array:
        """Return y + b, one number per channel. May overwrite y."""
        if self.first:
            return y + b[(..., *[None] * self.rank)]
        return k.add_channels_(y, b)

    def sum(self, k: Kernels, dy: Array) -> Array:
        """Return the sum over everything but the channels."""
        if not self.first:
            return k.sum_channels(dy)
        channel = dy.ndim - self.rank - 1
        axes = tuple(axis for axis in range(dy.ndim) if axis != channel)
        return k.xp.sum(dy, axis=axes)
