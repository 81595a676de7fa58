"""Global average pooling: the mean of each channel over all positions.

    forward                    backward
    y = Σⱼ x[j] / n            dx[j] = dy / n

Shapes: x (*batch, *space, c), n positions; y (*batch, c).

Reference: Lin, Chen & Yan (2014), arXiv:1312.4400.
"""

from dataclasses import dataclass
from typing import Any

from varlayers.dispatch import kernels_for
from varlayers.layers.global_pool import GlobalPool
from varlayers.types import Array, Noise, Params, Saved

__all__ = ["GlobalAveragePool"]


@dataclass(frozen=True)
class GlobalAveragePool(GlobalPool):
    """Mean of each channel over all positions.

    Args:
        rank: number of spatial axes, >= 1.
        keepdims: keep the spatial axes, with length 1.
        data_format: "channels_last", x (*batch, *space, c), or "channels_first",
            x (*batch, c, *space).

    Raises:
        TypeError: if the rank is not an integer, or x not floating.
        ValueError: if an argument is out of range, or if x has no position.

    Example:
        >>> import varlayers as vl
        >>> vl.GlobalAveragePool().out_shape((16, 7, 7, 32))
        (16, 32)
    """

    def forward(self, params: Params, x: Array, noise: Noise) -> tuple[Array, Saved]:
        k = kernels_for(x)
        y = k.xp.mean(self._rows(k, x), axis=1)
        return k.xp.reshape(y, self.out_shape(tuple(x.shape))), (x,)

    def backward(
        self, saved: Saved, dy: Array, *, input_gradient: bool = True
    ) -> tuple[Array | None, dict[str, Any]]:
        if not input_gradient:
            return None, {}
        k, (x,) = kernels_for(dy), saved
        rows = self._rows(k, x)
        share = self._one_row(k, dy, tuple(x.shape)) / rows.shape[1]
        return self._unrows(k, k.xp.broadcast_to(share, rows.shape), x.shape), {}
