"""The convolutions of `tfp.experimental.nn`, and those that it lacks.

    Convolution, ConvolutionTranspose           points
    …VariationalReparameterization, …Flipout    as there
    …VariationalReparameterizationLocal         not there
    …V2                                         the same; a batch of kernels elsewhere

Shapes: x (*batch, *space, in); kernel (*filter, in, out), of a transposed one too;
y (*batch, *out space, out). Ranks 1 to 3.
"""

from functools import partial
from typing import Any, ClassVar

from varlayers.checks import per_axis
from varlayers.compat.tfn.bilinear import BilinearLayer, KernelBiasLayer, check_sizes
from varlayers.estimators import Flipout, LocalReparameterization, Reparameterization
from varlayers.layers.convolution import Convolution as CoreConvolution
from varlayers.layers.convolution_transpose import (
    ConvolutionTranspose as CoreConvolutionTranspose,
)
from varlayers.types import Estimator, Shape

__all__ = [
    "Convolution",
    "ConvolutionTranspose",
    "ConvolutionTransposeVariationalFlipout",
    "ConvolutionTransposeVariationalReparameterization",
    "ConvolutionTransposeVariationalReparameterizationLocal",
    "ConvolutionV2",
    "ConvolutionVariational",
    "ConvolutionVariationalFlipout",
    "ConvolutionVariationalFlipoutV2",
    "ConvolutionVariationalReparameterization",
    "ConvolutionVariationalReparameterizationLocal",
    "ConvolutionVariationalReparameterizationV2",
]

_METHODS = ("auto", "dilation", "subkernels", "subkernel_matrix")


class ConvolutionVariational(BilinearLayer):
    """A convolution; the classes made of it name the estimator.

    Args:
        input_size: channels of x, >= 1.
        output_size: channels of y, >= 1.
        filter_shape: positions that the filter covers, a number or one for each axis.
        rank: number of spatial axes, 1 to 3.
        strides: steps, or for the transposed layers output positions per input
            position, as `filter_shape`.
        padding: "VALID" or "SAME", in any case; or what `vl.Convolution` takes.
        dilations: distances between the filter's neighbors, with any strides.
        output_padding: of transposed layers, 0 <= p < stride; None as TFP's: n stride
            outputs for "SAME", and all that the filter reaches for "VALID".
        method: of transposed layers, "auto", "dilation", "subkernels" or
            "subkernel_matrix". The result is the same, and so is the algorithm.
        index_dtype: accepted; no index array is made.
        signs: of Flipout: "channel", one for each example and channel, or "element",
            one for each position too, as in TFP.
        others: validate_args, dtype, seed, name and like of `BilinearLayer`, and the
            arguments of `Settings`.

    Raises:
        TypeError: if an argument is unknown, or a function has no gradient.
        ValueError: if a number is out of range or a name unknown.
    """

    _estimator: ClassVar[Estimator]
    _kind: ClassVar[type[Any]] = CoreConvolution

    def __init__(
        self,
        input_size: int,
        output_size: int,
        filter_shape: int | Shape,
        rank: int = 2,
        strides: int | Shape = 1,
        padding: Any = "VALID",
        dilations: int | Shape = 1,
        *,
        signs: str = "channel",
        **others: Any,
    ) -> None:
        check_sizes(self, input_size=input_size, output_size=output_size)
        make, window, others = _slid(
            self,
            (input_size, output_size),
            filter_shape,
            rank,
            (strides, padding, dilations),
            others,
        )
        rule = self._estimator
        rule = Flipout(signs) if isinstance(rule, Flipout) else rule
        super().__init__(make, (*window, input_size, output_size), rule, **others)


class ConvolutionVariationalReparameterization(ConvolutionVariational):
    """Weights drawn once for the batch. Arguments as `ConvolutionVariational`."""

    _estimator = Reparameterization()


class ConvolutionVariationalReparameterizationLocal(ConvolutionVariational):
    """Outputs drawn, not weights. Arguments as `ConvolutionVariational`."""

    _estimator = LocalReparameterization()


class ConvolutionVariationalFlipout(ConvolutionVariational):
    """Weights drawn once, with signs. Arguments as `ConvolutionVariational`."""

    _estimator = Flipout()


class ConvolutionTransposeVariationalReparameterization(ConvolutionVariational):
    """Weights drawn once for the batch. Arguments as `ConvolutionVariational`."""

    _estimator = Reparameterization()
    _kind = CoreConvolutionTranspose


class ConvolutionTransposeVariationalReparameterizationLocal(ConvolutionVariational):
    """Outputs drawn, not weights. Arguments as `ConvolutionVariational`."""

    _estimator = LocalReparameterization()
    _kind = CoreConvolutionTranspose


class ConvolutionTransposeVariationalFlipout(ConvolutionVariational):
    """Weights drawn once, with signs. Arguments as `ConvolutionVariational`."""

    _estimator = Flipout()
    _kind = CoreConvolutionTranspose


class Convolution(KernelBiasLayer):
    """A convolution of points.

    Args:
        input_size: as for `ConvolutionVariational`, and so the next six.
        output_size: channels of y.
        filter_shape: positions that the filter covers.
        rank: number of spatial axes.
        strides: steps.
        padding: "VALID" or "SAME".
        dilations: distances between the filter's neighbors.
        others: those of `KernelBiasLayer`, and index_dtype, output_padding and method.
            With `batch_shape` B, x is (*batch, *space, *B, in), and y alike.

    Attributes:
        kernel: (*B, *filter, in, out).
        bias: (*B, out).
    """

    _kind: ClassVar[type[Any]] = CoreConvolution
    _batch_before_space: ClassVar[bool] = False

    def __init__(
        self,
        input_size: int,
        output_size: int,
        filter_shape: int | Shape,
        rank: int = 2,
        strides: int | Shape = 1,
        padding: Any = "VALID",
        dilations: int | Shape = 1,
        **others: Any,
    ) -> None:
        check_sizes(self, input_size=input_size, output_size=output_size)
        make, window, others = _slid(
            self,
            (input_size, output_size),
            filter_shape,
            rank,
            (strides, padding, dilations),
            others,
        )
        shape = (*window, input_size, output_size)
        axes = 1 + rank * self._batch_before_space
        super().__init__(make, shape, axes, **others)


class ConvolutionV2(Convolution):
    """As `Convolution`, but with `batch_shape` B x is (*batch, *B, *space, in)."""

    _batch_before_space = True


class ConvolutionTranspose(Convolution):
    """A transposed convolution of points. Arguments and attributes as `Convolution`."""

    _kind = CoreConvolutionTranspose


class ConvolutionVariationalReparameterizationV2(
    ConvolutionVariationalReparameterization
):
    """Another name of `ConvolutionVariationalReparameterization`."""


class ConvolutionVariationalFlipoutV2(ConvolutionVariationalFlipout):
    """Another name of `ConvolutionVariationalFlipout`."""


def _slid(
    layer: Any,
    sizes: tuple[int, int],
    filter_shape: int | Shape,
    rank: int,
    steps: tuple[Any, Any, Any],
    others: dict[str, Any],
) -> tuple[Any, Shape, dict[str, Any]]:
    """Return what makes the layer of varlayers, its window, and the other arguments."""
    owner, (strides, padding, dilations) = type(layer).__name__, steps
    others = {"index_dtype": None, "method": "auto", "output_padding": None} | others
    del others["index_dtype"]
    method, output_padding = others.pop("method"), others.pop("output_padding")
    transposed = layer._kind is CoreConvolutionTranspose
    if rank not in (1, 2, 3):
        msg = f"{owner} expected `rank` 1, 2 or 3, got {rank!r}."
        raise ValueError(msg)
    if method not in _METHODS:
        msg = f"{owner} expected `method` in {_METHODS}, got {method!r}."
        raise ValueError(msg)
    if output_padding is not None and not transposed:
        msg = (
            f"{owner} expected no `output_padding`, got {output_padding!r}. Only a "
            "transposed convolution has one."
        )
        raise ValueError(msg)
    window = per_axis(owner, "filter_shape", filter_shape, rank)
    make = partial(
        layer._kind,
        *(*sizes, window),
        strides=per_axis(owner, "strides", strides, rank),
        dilations=per_axis(owner, "dilations", dilations, rank),
        padding=padding.lower() if isinstance(padding, str) else padding,
        **({"output_padding": output_padding} if transposed else {}),
    )
    return make, window, others
