"""Up-sampling: every entry becomes `size` entries, along every spatial axis.

                  forward                             backward
    "nearest"     y[j s + p] = x[j]                   dx[j] = Σₚ dy[j s + p]
    "linear"      y[j s + p] = (1 - |f|) x[j]         its adjoint, axis by axis
                               + |f| x[j ± 1]

for p < s, with f = (p + ½) / s - ½, where entry j s + p lies from entry j when both
grids have their entries in the centres of equal parts of one length; the neighbor is
that on the side of f's sign, and at an edge x[j] itself.

Shapes: x (*batch, *space, c); y (*batch, *(space size), c).
"""

from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from typing import Any, cast

from varlayers.checks import check_input, check_size, per_axis
from varlayers.dispatch import kernels_for
from varlayers.layers.noiseless import Parameterless
from varlayers.layers.pool import rank_of
from varlayers.maps.channels import Channels
from varlayers.maps.settings import check_data_format
from varlayers.types import Array, Noise, Params, Saved, Shape
from varlayers.windows import Window

__all__ = ["UpSampling"]

_INTERPOLATIONS = ("linear", "nearest")


@dataclass(frozen=True)
class UpSampling(Parameterless):
    """Repeat entries, or interpolate between them, over one axis or more.

    Args:
        size: how many entries each becomes: a number for all axes, or one for each.
        interpolation: "nearest": repeat. "linear": between the centres of entries, as
            torch with align_corners=False, Keras, and jax.image.resize.
        rank: number of spatial axes; by default that of `size`, or 2.
        data_format: "channels_last", x (*batch, *space, c), or "channels_first",
            x (*batch, c, *space).

    Raises:
        TypeError: if a number is not an integer, or x not floating.
        ValueError: if an argument is out of range, or has another number of axes.

    Example:
        >>> import numpy as np, varlayers as vl
        >>> layer = vl.UpSampling(2, interpolation="linear", rank=1)
        >>> layer.forward({}, np.array([[0.0], [4.0]]), {})[0][:, 0]
        array([0., 1., 3., 4.])
    """

    size: int | Shape
    _: KW_ONLY
    interpolation: str = "nearest"
    rank: int | None = None
    data_format: str = "channels_last"

    def __post_init__(self) -> None:
        rank = rank_of(self.size) if self.rank is None else self.rank
        check_size("UpSampling", "rank", rank)
        object.__setattr__(self, "rank", rank)
        size = per_axis("UpSampling", "size", self.size, rank)
        object.__setattr__(self, "size", size)
        check_data_format("UpSampling", self.data_format)
        if self.interpolation not in _INTERPOLATIONS:
            msg = (
                f"UpSampling expected `interpolation` in {_INTERPOLATIONS}, "
                f"got {self.interpolation!r}."
            )
            raise ValueError(msg)

    @cached_property
    def channels(self) -> Channels:
        """Where x and y keep their channels."""
        return Channels(len(self._size), self.data_format == "channels_first")

    def out_shape(self, x_shape: Shape) -> Shape:
        self.channels.check_positions("UpSampling", x_shape)
        batch, space, channels = self.channels.split(x_shape)
        longer = tuple(n * s for n, s in zip(space, self._size, strict=True))
        return self.channels.join(batch, longer, channels)

    def forward(self, params: Params, x: Array, noise: Noise) -> tuple[Array, Saved]:
        k = kernels_for(x)
        check_input("UpSampling", k, x, x)
        y_shape = self.channels.canonical(self.out_shape(tuple(x.shape)))
        y = self.channels.enter(k, x)
        if self.interpolation == "nearest":
            y = k.sum_pool_adjoint(y, y_shape, self._size, self._window)
        else:
            y = k.up_linear(y, self._size)
        return self.channels.leave(k, y, self.channels.split(x.shape)[0]), ()

    def backward(
        self, saved: Saved, dy: Array, *, input_gradient: bool = True
    ) -> tuple[Array | None, dict[str, Any]]:
        if not input_gradient:
            return None, {}
        k = kernels_for(dy)
        dx = self.channels.enter(k, dy)
        if self.interpolation == "nearest":
            dx = k.sum_pool(dx, self._size, self._window)
        else:
            dx = k.up_linear_adjoint(dx, self._size)
        return self.channels.leave(k, dx, self.channels.split(dy.shape)[0]), {}

    @property
    def _size(self) -> Shape:
        return cast("Shape", self.size)

    @property
    def _window(self) -> Window:
        """The window whose sums go the way back from "nearest"."""
        ones, zeros = (1,) * len(self._size), ((0, 0),) * len(self._size)
        return Window(self._size, ones, zeros)
