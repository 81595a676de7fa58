"""Max pooling: the largest entry of every window.

    forward                                  backward
    y[i] = maxₘ x[i s + m d - low]           dx[j] = Σ dy[i] over the windows i
    index = the first m that attains it              whose first maximum is j

Shapes: x (*batch, *space, c); y (*batch, *out, c). Windows may overlap: an entry gets
the gradient of each that it wins. Of equal entries the first, in the order of the axes
with the last one fastest, gets it all. Padding is -inf and below every finite number;
a NaN always wins.
"""

from dataclasses import dataclass
from typing import Any

from varlayers.dispatch import kernels_for
from varlayers.layers.pool import Pool
from varlayers.types import Array, Noise, Params, Saved

__all__ = ["MaxPool"]


@dataclass(frozen=True)
class MaxPool(Pool):
    """Largest entry of every window, over one axis, two, three or more.

    Args:
        pool_shape: positions of a window: a number for all axes, or one for each.
        rank: number of spatial axes; by default that of `pool_shape`, or 2.
        strides: steps from one window to the next, >= 1; by default `pool_shape`.
        dilations: distances between neighbors of a window, >= 1.
        padding: "valid": none. "same": ⌈n / stride⌉ outputs from n inputs, the extra
            place at the end. "causal" or "anticausal" (rank 1). Or places per side: a
            number for all axes, or for each a number or (low, high). They hold -inf.
        data_format: "channels_last", x (*batch, *space, c), or "channels_first",
            x (*batch, c, *space).

    Raises:
        TypeError: if a number is not an integer, or x not floating.
        ValueError: if an argument is out of range or has another number of axes, if x
            is shorter than a window, or if a window has padding only.

    Example:
        >>> import varlayers as vl
        >>> vl.MaxPool(2).out_shape((16, 28, 28, 3))
        (16, 14, 14, 3)
    """

    def forward(self, params: Params, x: Array, noise: Noise) -> tuple[Array, Saved]:
        k = kernels_for(x)
        y, index = k.max_pool(*self._enter(k, x))
        return self.channels.leave(k, y, self.channels.split(x.shape)[0]), (x, index)

    def backward(
        self, saved: Saved, dy: Array, *, input_gradient: bool = True
    ) -> tuple[Array | None, dict[str, Any]]:
        if not input_gradient:
            return None, {}
        k, channels, (x, index) = kernels_for(dy), self.channels, saved
        batch, space, _ = channels.split(x.shape)
        shape, pool_shape = channels.canonical(x.shape), self._filter_shape
        dy, window = channels.enter(k, dy), self.window(space)
        dx = k.max_pool_backward(dy, index, shape, pool_shape, window)
        return channels.leave(k, dx, batch), {}
