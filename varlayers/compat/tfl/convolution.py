"""The convolutions of `tfp.layers`, and those that it lacks.

    Convolution{1,2,3}D{Reparameterization,Flipout}          as there
    Convolution{1,2,3}DLocalReparameterization               not there
    Convolution{1,2,3}DTranspose{each of the three}          not there

Shapes: x (batch, *space, in), or (batch, in, *space) with "channels_first"; kernel
(*kernel_size, in, filters) in both.
"""

from typing import Any, ClassVar

from varlayers.checks import check_size, per_axis
from varlayers.compat.tfl.base import VariationalLayer
from varlayers.estimators import Flipout, LocalReparameterization, Reparameterization
from varlayers.layers.convolution import Convolution
from varlayers.layers.convolution_transpose import ConvolutionTranspose
from varlayers.types import Estimator, Shape

__all__ = [
    "Convolution1DFlipout",
    "Convolution1DLocalReparameterization",
    "Convolution1DReparameterization",
    "Convolution1DTransposeFlipout",
    "Convolution1DTransposeLocalReparameterization",
    "Convolution1DTransposeReparameterization",
    "Convolution2DFlipout",
    "Convolution2DLocalReparameterization",
    "Convolution2DReparameterization",
    "Convolution2DTransposeFlipout",
    "Convolution2DTransposeLocalReparameterization",
    "Convolution2DTransposeReparameterization",
    "Convolution3DFlipout",
    "Convolution3DLocalReparameterization",
    "Convolution3DReparameterization",
    "Convolution3DTransposeFlipout",
    "Convolution3DTransposeLocalReparameterization",
    "Convolution3DTransposeReparameterization",
    "ConvolutionLayer",
    "ConvolutionTransposeLayer",
]


class ConvolutionLayer(VariationalLayer):
    """A convolution; the classes made of it name its rank and estimator.

    Args:
        filters: channels of the output, >= 1.
        kernel_size: positions that the filter covers, a number or one for each axis.
        strides: steps, or for the transposed layers output positions per input
            position, likewise.
        padding: "valid", "same" or, for one axis, "causal", in any case; or what
            `vl.Convolution` takes.
        data_format: "channels_last" or "channels_first".
        dilation_rate: distances between the filter's neighbors; with any strides.
        activation: "relu", …, or an `Elementwise` pair; None for none.
        activity_regularizer: of the output: `L1L2`, or its like.
        others: trainable, name, dtype, seed, and the functions of `WeightFunctions`.

    Raises:
        TypeError: if an argument is unknown, or a function has no gradient.
        ValueError: if a number is out of range or a name unknown.
    """

    _arguments: ClassVar[tuple[str, ...]] = (
        *("filters", "kernel_size", "strides", "padding", "data_format"),
        "dilation_rate",
    )
    _estimator: ClassVar[Estimator]
    _kind: ClassVar[type[Convolution] | type[ConvolutionTranspose]] = Convolution
    _rank: ClassVar[int]

    def __init__(
        self,
        filters: int,
        kernel_size: int | Shape,
        strides: int | Shape = 1,
        padding: Any = "valid",
        data_format: str = "channels_last",
        dilation_rate: int | Shape = 1,
        activation: Any = None,
        activity_regularizer: Any = None,
        **others: Any,
    ) -> None:
        owner, rank = type(self).__name__, self._rank
        check_size(owner, "filters", filters)
        self.filters = filters
        self.kernel_size = per_axis(owner, "kernel_size", kernel_size, rank)
        self.strides = per_axis(owner, "strides", strides, rank)
        self.dilation_rate = per_axis(owner, "dilation_rate", dilation_rate, rank)
        self.padding = padding.lower() if isinstance(padding, str) else padding
        if data_format not in ("channels_last", "channels_first"):
            msg = (
                f"{owner} expected `data_format` 'channels_last' or 'channels_first', "
                f"got {data_format!r}."
            )
            raise ValueError(msg)
        self.data_format = data_format
        super().__init__(activation, activity_regularizer, **others)

    def _make(
        self, input_shape: Shape, settings: dict[str, Any]
    ) -> Convolution | ConvolutionTranspose:
        last = self.data_format == "channels_last"
        if len(input_shape) <= self._rank:
            msg = (
                f"{type(self).__name__} expected an input with {self._rank} spatial "
                f"axes and channels, got shape {tuple(input_shape)}."
            )
            raise ValueError(msg)
        return self._kind(
            input_shape[-1 if last else -self._rank - 1],
            self.filters,
            self.kernel_size,
            strides=self.strides,
            dilations=self.dilation_rate,
            padding=self.padding,
            data_format=self.data_format,
            estimator=self._estimator,
            **settings,
        )


class ConvolutionTransposeLayer(ConvolutionLayer):
    """A transposed convolution; arguments as `ConvolutionLayer`."""

    _kind = ConvolutionTranspose


class Convolution1DReparameterization(ConvolutionLayer):
    """Convolution over one axis, weights drawn once for the batch."""

    _rank = 1
    _estimator = Reparameterization()


class Convolution1DLocalReparameterization(ConvolutionLayer):
    """Convolution over one axis, outputs drawn, not weights."""

    _rank = 1
    _estimator = LocalReparameterization(bias="shared")


class Convolution1DFlipout(ConvolutionLayer):
    """Convolution over one axis, signs for each example and channel."""

    _rank = 1
    _estimator = Flipout()


class Convolution2DReparameterization(ConvolutionLayer):
    """Convolution over two axes, weights drawn once for the batch."""

    _rank = 2
    _estimator = Reparameterization()


class Convolution2DLocalReparameterization(ConvolutionLayer):
    """Convolution over two axes, outputs drawn, not weights."""

    _rank = 2
    _estimator = LocalReparameterization(bias="shared")


class Convolution2DFlipout(ConvolutionLayer):
    """Convolution over two axes, signs for each example and channel."""

    _rank = 2
    _estimator = Flipout()


class Convolution3DReparameterization(ConvolutionLayer):
    """Convolution over three axes, weights drawn once for the batch."""

    _rank = 3
    _estimator = Reparameterization()


class Convolution3DLocalReparameterization(ConvolutionLayer):
    """Convolution over three axes, outputs drawn, not weights."""

    _rank = 3
    _estimator = LocalReparameterization(bias="shared")


class Convolution3DFlipout(ConvolutionLayer):
    """Convolution over three axes, signs for each example and channel."""

    _rank = 3
    _estimator = Flipout()


class Convolution1DTransposeReparameterization(ConvolutionTransposeLayer):
    """Transposed convolution over one axis, weights drawn once for the batch."""

    _rank = 1
    _estimator = Reparameterization()


class Convolution1DTransposeLocalReparameterization(ConvolutionTransposeLayer):
    """Transposed convolution over one axis, outputs drawn, not weights."""

    _rank = 1
    _estimator = LocalReparameterization(bias="shared")


class Convolution1DTransposeFlipout(ConvolutionTransposeLayer):
    """Transposed convolution over one axis, signs for each example and channel."""

    _rank = 1
    _estimator = Flipout()


class Convolution2DTransposeReparameterization(ConvolutionTransposeLayer):
    """Transposed convolution over two axes, weights drawn once for the batch."""

    _rank = 2
    _estimator = Reparameterization()


class Convolution2DTransposeLocalReparameterization(ConvolutionTransposeLayer):
    """Transposed convolution over two axes, outputs drawn, not weights."""

    _rank = 2
    _estimator = LocalReparameterization(bias="shared")


class Convolution2DTransposeFlipout(ConvolutionTransposeLayer):
    """Transposed convolution over two axes, signs for each example and channel."""

    _rank = 2
    _estimator = Flipout()


class Convolution3DTransposeReparameterization(ConvolutionTransposeLayer):
    """Transposed convolution over three axes, weights drawn once for the batch."""

    _rank = 3
    _estimator = Reparameterization()


class Convolution3DTransposeLocalReparameterization(ConvolutionTransposeLayer):
    """Transposed convolution over three axes, outputs drawn, not weights."""

    _rank = 3
    _estimator = LocalReparameterization(bias="shared")


class Convolution3DTransposeFlipout(ConvolutionTransposeLayer):
    """Transposed convolution over three axes, signs for each example and channel."""

    _rank = 3
    _estimator = Flipout()
