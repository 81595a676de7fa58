"""Global max pooling: the largest entry of each channel over all positions.

    forward                          backward
    y = maxⱼ x[j]                    dx[j] = dy where j = index, else 0
    index = the first j that attains it

Shapes: x (*batch, *space, c); y (*batch, c). A NaN in a channel gives NaN.
"""

from dataclasses import dataclass
from typing import Any

from varlayers.dispatch import kernels_for
from varlayers.layers.global_pool import GlobalPool
from varlayers.types import Array, Noise, Params, Saved

__all__ = ["GlobalMaxPool"]


@dataclass(frozen=True)
class GlobalMaxPool(GlobalPool):
    """Largest entry of each channel over all positions.

    Args:
        rank: number of spatial axes, >= 1.
        keepdims: keep the spatial axes, with length 1.
        data_format: "channels_last", x (*batch, *space, c), or "channels_first",
            x (*batch, c, *space).

    Raises:
        TypeError: if the rank is not an integer, or x not floating.
        ValueError: if an argument is out of range, or if x has no position.
    """

    def forward(self, params: Params, x: Array, noise: Noise) -> tuple[Array, Saved]:
        k = kernels_for(x)
        rows = self._rows(k, x)
        y, index = k.xp.max(rows, axis=1), k.xp.argmax(rows, axis=1, keepdims=True)
        return k.xp.reshape(y, self.out_shape(tuple(x.shape))), (x, index)

    def backward(
        self, saved: Saved, dy: Array, *, input_gradient: bool = True
    ) -> tuple[Array | None, dict[str, Any]]:
        if not input_gradient:
            return None, {}
        k, (x, index) = kernels_for(dy), saved
        count, device = self._rows(k, x).shape[1], k.device(dy)
        j = k.xp.arange(count, dtype=index.dtype, device=device)[None, :, None]
        dy = self._one_row(k, dy, tuple(x.shape))
        dx = k.xp.where(j == index, dy, k.xp.zeros_like(dy))
        return self._unrows(k, dx, x.shape), {}
