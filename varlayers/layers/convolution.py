"""Convolutional layer: one filter at every position, with posteriors over its weights.

    y[i] = Σₘ x[i s + m d - low] w[m] + b     gradients and estimators: `Bilinear`, with
                                              the map `Convolution`

Shapes: x (*batch, *space, in); kernel (*filter, in / groups, out); bias (out,);
y (*batch, *out space, out). Every index of the batch is one example.
"""

from dataclasses import dataclass
from functools import cached_property

from varlayers.layers.sliding import Sliding
from varlayers.maps.convolution import Convolution as ConvolutionMap
from varlayers.types import Map

__all__ = ["Convolution"]


@dataclass(frozen=True, repr=False)
class Convolution(Sliding):
    """Convolution with uncertain weights, over one axis, two, three or more.

    With the estimator "flipout" every example sees one kernel of its own, at all of
    its positions; `Flipout("element")` gives each position signs of its own instead.
    With "local" the positions of an example are drawn independently: every output has
    its exact distribution, but two positions that share weights have no covariance.

    Args:
        in_channels: channels of x, >= 1.
        out_channels: channels of y, >= 1.
        filter_shape: positions that the filter covers: a number for all axes, or one
            for each.
        rank: number of spatial axes; by default that of `filter_shape`, or 2.
        strides: steps from one output to the next, >= 1, as `filter_shape`.
        dilations: distances between neighbors of the filter, >= 1, as `filter_shape`.
        padding: "valid": none. "same": ⌈n / stride⌉ outputs from n inputs, the extra
            zero at the end. "causal" (rank 1): no output sees a later input;
            "anticausal": none an earlier. Or zeros per side: a number for all axes, or
            for each a number or (low, high).
        groups: into how many the channels are divided; each sees its own only.
        data_format: "channels_last", x (*batch, *space, in), or "channels_first",
            x (*batch, in, *space).

    The other arguments are those of `Bilinear`.

    Raises:
        TypeError: if a number is not an integer.
        ValueError: if an argument is out of range, or has another number of axes.

    Example:
        >>> import numpy as np, varlayers as vl
        >>> layer = vl.Convolution(3, 8, 5, strides=2, padding="same")
        >>> layer.out_shape((16, 28, 28, 3))
        (16, 14, 14, 8)
        >>> params = layer.init(vl.key(0))
        >>> params["kernel"]["loc"].shape
        (5, 5, 3, 8)
    """

    @cached_property
    def map(self) -> Map:
        return ConvolutionMap(
            rank=len(self.kernel_shape) - 2,
            strides=self.strides,
            dilations=self.dilations,
            padding=self.padding,
            groups=self.groups,
            data_format=self.data_format,
        )
