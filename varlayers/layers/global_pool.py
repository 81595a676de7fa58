"""What the layers share that pool every position of a channel into one."""

import math
from dataclasses import KW_ONLY, dataclass
from functools import cached_property

from varlayers.checks import check_input, check_size
from varlayers.kernels import Kernels
from varlayers.layers.noiseless import Parameterless
from varlayers.maps.channels import Channels
from varlayers.maps.settings import check_data_format
from varlayers.types import Array, Shape

__all__ = ["GlobalPool"]


@dataclass(frozen=True)
class GlobalPool(Parameterless):
    """One number per example and channel.

    The classes made of it document the arguments.
    """

    rank: int = 2
    _: KW_ONLY
    keepdims: bool = False
    data_format: str = "channels_last"

    def __post_init__(self) -> None:
        check_size(type(self).__name__, "rank", self.rank)
        check_data_format(type(self).__name__, self.data_format)

    @cached_property
    def channels(self) -> Channels:
        """Where x keeps its channels."""
        return Channels(self.rank, self.data_format == "channels_first")

    def out_shape(self, x_shape: Shape) -> Shape:
        self.channels.check_positions(type(self).__name__, x_shape)
        batch, _, channels = self.channels.split(x_shape)
        ones = (1,) * self.rank if self.keepdims else ()
        return self.channels.join(batch, ones, channels)

    def _rows(self, k: Kernels, x: Array) -> Array:
        """Return x (n, positions, c), checked."""
        check_input(type(self).__name__, k, x, x)
        self.out_shape(tuple(x.shape))
        count, *space, channels = self.channels.canonical(x.shape)
        shape = (count, math.prod(space), channels)
        return k.xp.reshape(self.channels.enter(k, x), shape)

    def _unrows(self, k: Kernels, dx: Array, x_shape: Shape) -> Array:
        """Return dx (n, positions, c) with the shape of x."""
        dx = k.xp.reshape(dx, self.channels.canonical(x_shape))
        return self.channels.leave(k, dx, self.channels.split(x_shape)[0])

    def _one_row(self, k: Kernels, dy: Array, x_shape: Shape) -> Array:
        """Return dy as (n, 1, c)."""
        count, *_, channels = self.channels.canonical(x_shape)
        return k.xp.reshape(dy, (count, 1, channels))
