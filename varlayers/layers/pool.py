"""What the pooling layers share: a window that slides over each channel on its own."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from typing import Any, ClassVar, cast

from varlayers.checks import check_input, per_axis
from varlayers.kernels import Kernels
from varlayers.layers.noiseless import Parameterless
from varlayers.maps.channels import Channels
from varlayers.maps.convolution import Convolution
from varlayers.maps.settings import settle
from varlayers.types import Array, Shape
from varlayers.windows import Window, counts_of, out_space, span_of

__all__ = ["Pool", "rank_of"]


@dataclass(frozen=True)
class Pool(Parameterless):
    """Windows over `rank` axes, by default side by side.

    The classes made of it document the arguments.
    """

    pool_shape: int | Shape
    _: KW_ONLY
    rank: int | None = None
    strides: int | Shape | None = None
    dilations: int | Shape = 1
    padding: Any = "valid"
    data_format: str = "channels_last"
    groups: ClassVar[int] = 1  # of a convolution's settings; every channel is its own

    def __post_init__(self) -> None:
        owner = type(self).__name__
        rank = rank_of(self.pool_shape) if self.rank is None else self.rank
        object.__setattr__(self, "rank", rank)
        if self.strides is None:
            object.__setattr__(self, "strides", self.pool_shape)
        settle(owner, self)
        pool_shape = per_axis(owner, "pool_shape", self.pool_shape, rank)
        object.__setattr__(self, "pool_shape", pool_shape)

    @cached_property
    def channels(self) -> Channels:
        """Where x and y keep their channels."""
        return self._slide.channels

    def window(self, space: Shape) -> Window:
        """Return the window over an input of this spatial shape."""
        return self._slide.window(space, self._filter_shape)

    def counts(self, space: Shape) -> list[tuple[int, ...]]:
        """Return, for every axis, how many entries of x each window has."""
        window = self.window(space)
        axes = zip(space, self._filter_shape, *window[:3], strict=True)
        return [counts_of(*axis) for axis in axes]

    def out_shape(self, x_shape: Shape) -> Shape:
        owner = type(self).__name__
        self.channels.check(owner, x_shape)
        batch, space, channels = self.channels.split(x_shape)
        out = out_space(space, self._filter_shape, self.window(space))
        if min(out) < 1:
            spans = map(span_of, self._filter_shape, cast("Shape", self.dilations))
            msg = (
                f"{owner} expected `x` with positions for a window that spans "
                f"{tuple(spans)}, got {space} with padding {self.padding!r}. "
                "Take a smaller window, or pad more."
            )
            raise ValueError(msg)
        if self.padding != "valid" and min(map(min, self.counts(space))) < 1:
            msg = (
                f"{owner} expected windows that see `x`, got one with padding only: "
                f"`pool_shape` {self.pool_shape}, padding {self.padding!r} and "
                f"`x` with positions {space}. Pad less."
            )
            raise ValueError(msg)
        return self.channels.join(batch, out, channels)

    def _enter(self, k: Kernels, x: Array) -> tuple[Array, Shape, Window]:
        """Return x as (n, *space, c), its pool's shape and window, all checked."""
        check_input(type(self).__name__, k, x, x)
        self.out_shape(tuple(x.shape))
        space = self.channels.split(x.shape)[1]
        return self.channels.enter(k, x), self._filter_shape, self.window(space)

    @property
    def _filter_shape(self) -> Shape:
        return cast("Shape", self.pool_shape)

    @cached_property
    def _slide(self) -> Convolution:
        """The convolution that slides alike."""
        return Convolution(
            rank=len(self._filter_shape),
            strides=cast("Shape", self.strides),
            dilations=self.dilations,
            padding=self.padding,
            data_format=self.data_format,
        )


def rank_of(shape: Any) -> int:
    """Return the number of axes that an argument has entries for, or 2."""
    return len(shape) if isinstance(shape, Sequence) else 2
