"""What the convolutional layers share: channels, a filter and how it slides."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, cast

from varlayers.checks import check_size, per_axis
from varlayers.initializers import fans_of
from varlayers.layers.bilinear import Bilinear
from varlayers.maps.settings import settle
from varlayers.types import Shape

__all__ = ["Sliding"]


@dataclass(frozen=True, repr=False)
class Sliding(Bilinear):
    """Kernel [*filter, in / groups, out] that slides over `rank` axes.

    The classes made of it document the arguments.
    """

    in_channels: int
    out_channels: int
    filter_shape: int | Shape
    _: KW_ONLY
    rank: int | None = None
    strides: int | Shape = 1
    dilations: int | Shape = 1
    padding: Any = "valid"
    groups: int = 1
    data_format: str = "channels_last"

    def __post_init__(self) -> None:
        owner = type(self).__name__
        for argument in ("in_channels", "out_channels"):
            check_size(owner, argument, getattr(self, argument))
        rank = _rank(self.filter_shape) if self.rank is None else self.rank
        object.__setattr__(self, "rank", rank)
        settle(owner, self)
        filter_shape = per_axis(owner, "filter_shape", self.filter_shape, rank)
        object.__setattr__(self, "filter_shape", filter_shape)
        for argument in ("in_channels", "out_channels"):
            if getattr(self, argument) % self.groups:
                msg = (
                    f"{owner} expected `{argument}` divisible by `groups`, "
                    f"{self.groups}, got {getattr(self, argument)}."
                )
                raise ValueError(msg)
        super().__post_init__()

    @property
    def kernel_shape(self) -> Shape:
        window = cast("Shape", self.filter_shape)
        return (*window, self.in_channels // self.groups, self.out_channels)

    @property
    def fans(self) -> tuple[int, int]:
        return fans_of(self.kernel_shape, self.groups)


def _rank(filter_shape: Any) -> int:
    return len(filter_shape) if isinstance(filter_shape, Sequence) else 2
