"""Average pooling: the mean of every window.

    forward                                  backward
    y[i] = Σₘ x[i s + m d - low] / n[i]      dx[j] = Σ dy[i] / n[i] over the windows
                                                     i that see j

n[i] is the number of entries of x in window i, so that a constant stays constant up to
the edge. With `count_padding` it is the size of the window, and padding counts as 0.

Shapes: x (*batch, *space, c); y (*batch, *out, c).
"""

import math
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from varlayers.dispatch import kernels_for
from varlayers.kernels import Kernels
from varlayers.layers.pool import Pool
from varlayers.types import Array, Noise, Params, Saved, Shape

__all__ = ["AveragePool"]


@dataclass(frozen=True)
class AveragePool(Pool):
    """Mean of every window, over one axis, two, three or more.

    Args:
        pool_shape: positions of a window: a number for all axes, or one for each.
        count_padding: False: a mean over the entries of x that a window sees, as in
            TensorFlow and Keras. True: padding counts as zeros, torch's default.
        rank: number of spatial axes; by default that of `pool_shape`, or 2.
        strides: steps from one window to the next, >= 1; by default `pool_shape`.
        dilations: distances between neighbors of a window, >= 1.
        padding: as that of `MaxPool`; by default "valid".
        data_format: "channels_last", x (*batch, *space, c), or "channels_first",
            x (*batch, c, *space).

    Raises:
        TypeError: if a number is not an integer, or x not floating.
        ValueError: if an argument is out of range or has another number of axes, if x
            is shorter than a window, or if a window has padding only.

    Example:
        >>> import numpy as np, varlayers as vl
        >>> layer = vl.AveragePool(3, rank=1, strides=1, padding="same")
        >>> layer.forward({}, np.array([[1.0], [2.0], [6.0]]), {})[0][:, 0]
        array([1.5, 3. , 4. ])
    """

    count_padding: bool = False

    def forward(self, params: Params, x: Array, noise: Noise) -> tuple[Array, Saved]:
        k = kernels_for(x)
        batch, space, _ = self.channels.split(x.shape)
        y = k.sum_pool(*self._enter(k, x)) / self._sizes(k, x, space)
        return self.channels.leave(k, y, batch), (x,)

    def backward(
        self, saved: Saved, dy: Array, *, input_gradient: bool = True
    ) -> tuple[Array | None, dict[str, Any]]:
        if not input_gradient:
            return None, {}
        k, channels, (x,) = kernels_for(dy), self.channels, saved
        batch, space, _ = channels.split(x.shape)
        shape, pool_shape = channels.canonical(x.shape), self._filter_shape
        dy = channels.enter(k, dy) / self._sizes(k, x, space)
        dx = k.sum_pool_adjoint(dy, shape, pool_shape, self.window(space))
        return channels.leave(k, dx, batch), {}

    def _sizes(self, k: Kernels, x: Array, space: Shape) -> Any:
        """Return n: a number, or an array (*out, 1)."""
        if self.count_padding or not any(map(any, self.window(space).pads)):
            return math.prod(self._filter_shape)
        counts = reduce(np.multiply.outer, map(np.asarray, self.counts(space)))
        return k.asarray(counts[..., None], x)
