"""Transposed convolutional layer: the way back of a convolution, to more positions.

    y[j] = Σₘ x[(j + low - m d) / s] w[m] + b     where s divides; gradients and
                                                  estimators: `Bilinear`, with the map
                                                  `ConvolutionTranspose`

Shapes: x (*batch, *space, in); kernel (*filter, in / groups, out); bias (out,);
y (*batch, *out space, out). Every index of the batch is one example.
"""

from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from typing import cast

from varlayers.layers.sliding import Sliding
from varlayers.maps.convolution import Convolution
from varlayers.maps.convolution_transpose import (
    ConvolutionTranspose as ConvolutionTransposeMap,
)
from varlayers.maps.convolution_transpose import settle_output
from varlayers.types import Map, Shape

__all__ = ["ConvolutionTranspose"]

# Padded before its input, a convolution looks back, and its adjoint ahead.
_OF_THE_WAY_BACK = {"causal": "anticausal", "anticausal": "causal"}


@dataclass(frozen=True, repr=False)
class ConvolutionTranspose(Sliding):
    """Transposed convolution with uncertain weights; its kernel is as `Convolution`'s.

    From n inputs along an axis, a filter that spans e = (size - 1) dilation + 1 and a
    stride s make

        "same", "causal", "anticausal"    n s outputs
        "valid"                           (n - 1) s + max(e, s)
        (low, high)                       (n - 1) s + e - low - high

    or, with `output_padding` p, (n - 1) s + e - low - high + p; for "same", "causal"
    and "anticausal" (n - 1) s + 1 + p.

    Args:
        in_channels: channels of x, >= 1.
        out_channels: channels of y, >= 1.
        filter_shape: as for `Convolution`.
        rank: as for `Convolution`.
        strides: positions of y per position of x, >= 1, as `filter_shape`.
        dilations: as for `Convolution`.
        padding: that of the convolution from y to x, as for `Convolution`; but with
            "causal" no output j depends on inputs i with i stride > j.
        groups: as for `Convolution`.
        data_format: as for `Convolution`.
        output_padding: 0 <= p < stride, as `filter_shape`; None as above.
        output_size: the spatial shape of y, in place of `output_padding`; of one input
            length it can be any of `stride` numbers, those of p.

    The other arguments are those of `Bilinear`.

    Raises:
        TypeError: if a number is not an integer.
        ValueError: if an argument is out of range, or has another number of axes.

    Example:
        >>> import varlayers as vl
        >>> layer = vl.ConvolutionTranspose(32, 16, 5, strides=2, padding="same")
        >>> layer.out_shape((16, 14, 14, 32))
        (16, 28, 28, 16)
    """

    _: KW_ONLY
    output_padding: int | Shape | None = None
    output_size: int | Shape | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        settle_output(type(self).__name__, self, cast("Shape", self.strides))

    @cached_property
    def map(self) -> Map:
        padding = self.padding
        convolution = Convolution(
            rank=len(self.kernel_shape) - 2,
            strides=self.strides,
            dilations=self.dilations,
            padding=_OF_THE_WAY_BACK.get(padding, padding),
            groups=self.groups,
            data_format=self.data_format,
        )
        return ConvolutionTransposeMap(
            convolution, self.output_padding, self.output_size
        )
