"""The convolutions of `tfp.experimental.nn`, and those that it lacks.

    Convolution, ConvolutionTranspose           points
    …VariationalReparameterization, …Flipout    as there
    …VariationalReparameterizationLocal         not there

Shapes: x (*batch, *space, in); kernel (*filter, in, out), of a transposed one too;
y (*batch, *out space, out). Ranks 1 to 3.
"""

from typing import Any, ClassVar

from varlayers.checks import check_size, per_axis
from varlayers.compat.tfn.layer import VariationalLayer
from varlayers.compat.tfn.settings import (
    Settings,
    activated,
    bilinear_settings,
    value_of,
    without_priors,
)
from varlayers.compat.tfn.weights import make_kernel_bias
from varlayers.estimators import Flipout, LocalReparameterization, Reparameterization
from varlayers.layers.convolution import Convolution as CoreConvolution
from varlayers.layers.convolution_transpose import (
    ConvolutionTranspose as CoreConvolutionTranspose,
)
from varlayers.random import Source
from varlayers.types import Array, Estimator, Shape

__all__ = [
    "Convolution",
    "ConvolutionTranspose",
    "ConvolutionTransposeVariationalFlipout",
    "ConvolutionTransposeVariationalReparameterization",
    "ConvolutionTransposeVariationalReparameterizationLocal",
    "ConvolutionVariational",
    "ConvolutionVariationalFlipout",
    "ConvolutionVariationalReparameterization",
    "ConvolutionVariationalReparameterizationLocal",
]

_METHODS = ("auto", "dilation", "subkernels", "subkernel_matrix")


class ConvolutionVariational(VariationalLayer):
    """A convolution; the classes made of it name the estimator.

    Args:
        input_size: channels of x, >= 1.
        output_size: channels of y, >= 1.
        filter_shape: positions that the filter covers, a number or one for each axis.
        rank: number of spatial axes, 1 to 3.
        strides: steps, or for the transposed layers output positions per input
            position, as `filter_shape`.
        padding: "VALID" or "SAME", in any case; or what `vl.Convolution` takes.
        output_padding: of transposed layers, 0 <= p < stride; None as TFP's: n stride
            outputs for "SAME", and all that the filter reaches for "VALID".
        dilations: distances between the filter's neighbors, with any strides.
        method: of transposed layers, "auto", "dilation", "subkernels" or
            "subkernel_matrix". The result is the same, and so is the algorithm.
        index_dtype: accepted; no index array is made.
        signs: of Flipout: "channel", one for each example and channel, or "element",
            one for each position too, as in TFP.
        validate_args: accepted; arguments are checked in any case.
        dtype: of the parameters, NumPy's.
        seed: an integer, or a key.
        name: by default the class's, numbered.
        like: an array whose library, dtype and device the parameters get instead.
        settings: those of `Settings`.

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
        output_padding: int | Shape | None = None,
        dilations: int | Shape = 1,
        method: str = "auto",
        *,
        index_dtype: Any = "int32",
        signs: str = "channel",
        validate_args: bool = False,
        dtype: str = "float32",
        seed: int | Source | None = None,
        name: str | None = None,
        like: Array | None = None,
        **settings: Any,
    ) -> None:
        owner, transposed = type(self).__name__, self._kind is CoreConvolutionTranspose
        sizes = {"input_size": input_size, "output_size": output_size}
        _check(owner, sizes, rank, method, None if transposed else output_padding)
        window = per_axis(owner, "filter_shape", filter_shape, rank)
        rule = (
            Flipout(signs) if isinstance(self._estimator, Flipout) else self._estimator
        )
        self.settings = Settings(**settings)
        shape = (*window, input_size, output_size)
        made = bilinear_settings(owner, self.settings, shape, rule, dtype)
        more = {"output_padding": output_padding} if transposed else {}
        layer = self._kind(
            *(*sizes.values(), window),
            strides=per_axis(owner, "strides", strides, rank),
            dilations=per_axis(owner, "dilations", dilations, rank),
            padding=padding.lower() if isinstance(padding, str) else padding,
            **made,
            **more,
        )
        asked = value_of(owner, self.settings.posterior_value_fn)
        super().__init__(
            activated(owner, layer, self.settings.activation_fn),
            validate_args=validate_args,
            name=name,
            seed=seed,
            dtype=dtype,
            like=like,
            at_mean=asked == "mean",
        )


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


class Convolution(ConvolutionVariational):
    """A convolution of points. Arguments as `ConvolutionVariational`, without priors.

    Attributes:
        kernel: (*filter, in, out).
        bias: (out,).
    """

    _estimator = Reparameterization()

    def __init__(
        self, *sizes: Any, make_kernel_bias_fn: Any = make_kernel_bias, **others: Any
    ) -> None:
        super().__init__(
            *sizes,
            make_posterior_fn=make_kernel_bias_fn,
            make_prior_fn=without_priors,
            divergence=None,
            **others,
        )

    @property
    def kernel(self) -> Array:
        """The kernel."""
        return self.kernel_posterior.loc

    @property
    def bias(self) -> Array | None:
        """The bias, if there is one."""
        return self.bias_posterior and self.bias_posterior.loc


class ConvolutionTranspose(Convolution):
    """A transposed convolution of points. Arguments and attributes as `Convolution`."""

    _kind = CoreConvolutionTranspose


def _check(
    owner: str, sizes: dict[str, int], rank: Any, method: Any, output_padding: Any
) -> None:
    for argument, size in sizes.items():
        check_size(owner, argument, size)
    if rank not in (1, 2, 3):
        msg = f"{owner} expected `rank` 1, 2 or 3, got {rank!r}."
        raise ValueError(msg)
    if method not in _METHODS:
        msg = f"{owner} expected `method` in {_METHODS}, got {method!r}."
        raise ValueError(msg)
    if output_padding is not None:
        msg = (
            f"{owner} expected no `output_padding`, got {output_padding!r}. Only a "
            "transposed convolution has one."
        )
        raise ValueError(msg)
