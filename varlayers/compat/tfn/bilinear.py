"""What the dense layers and the convolutions of this face share.

    BilinearLayer      kernel and bias with posteriors and priors
    KernelBiasLayer    kernel and bias are points, or a batch of them

Each class made of them says which layer of varlayers it makes.
"""

from collections.abc import Callable
from typing import Any

from varlayers.checks import check_size
from varlayers.compat.tfn.batched import Batched
from varlayers.compat.tfn.layer import VariationalLayer
from varlayers.compat.tfn.settings import (
    activated,
    bilinear_settings,
    settings_of,
    value_of,
    without_priors,
)
from varlayers.compat.tfn.weights import make_kernel_bias
from varlayers.estimators import Reparameterization
from varlayers.layers.bilinear import Bilinear
from varlayers.random import Source
from varlayers.types import Array, Estimator, Shape

__all__ = ["BilinearLayer", "KernelBiasLayer", "check_sizes"]


class BilinearLayer(VariationalLayer):
    """A layer of this face around a bilinear one.

    Args:
        make: returns the layer of varlayers, of its settings.
        kernel_shape: of the kernel.
        estimator: how the output is drawn.
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

    def __init__(
        self,
        make: Callable[..., Any],
        kernel_shape: Shape,
        estimator: Estimator,
        *,
        validate_args: bool = False,
        dtype: str = "float32",
        seed: int | Source | None = None,
        name: str | None = None,
        like: Array | None = None,
        **settings: Any,
    ) -> None:
        owner = type(self).__name__
        self.settings = settings_of(owner, settings)
        made = bilinear_settings(owner, self.settings, kernel_shape, estimator, dtype)
        asked = value_of(owner, self.settings.posterior_value_fn)
        super().__init__(
            activated(owner, make(**made), self.settings.activation_fn),
            validate_args=validate_args,
            name=name,
            seed=seed,
            dtype=dtype,
            like=like,
            at_mean=asked == "mean",
        )

    @property
    def activation_fn(self) -> Any:
        """The activation, as it was given."""
        return self.settings.activation_fn

    @property
    def posterior_value_fn(self) -> Any:
        """What asks for a sample or for the mean, as it was given."""
        return self.settings.posterior_value_fn

    @property
    def unpack_weights_fn(self) -> Any:
        """What makes (kernel, bias), as it was given."""
        return self.settings.unpack_weights_fn


class KernelBiasLayer(BilinearLayer):
    """A layer of points, or of a batch of them. Other arguments as `BilinearLayer`.

    Args:
        make: as there.
        kernel_shape: as there, without the batch.
        axes: of x that follow the batch.
        batch_shape: that of the batch of kernels; () or None for one kernel.
        make_kernel_bias_fn: returns points for kernel and bias, as `make_posterior_fn`.
        others: kernel_initializer, bias_initializer, activation_fn, and the rest.
    """

    def __init__(
        self,
        make: Callable[..., Bilinear],
        kernel_shape: Shape,
        axes: int,
        *,
        batch_shape: Shape | None = (),
        make_kernel_bias_fn: Any = make_kernel_bias,
        **others: Any,
    ) -> None:
        batch = tuple(batch_shape or ())

        def made(**settings: Any) -> Bilinear | Batched:
            one = make(**settings)
            return Batched(one, batch, axes) if batch else one

        points = {
            "make_posterior_fn": make_kernel_bias_fn,
            "make_prior_fn": without_priors,
            "divergence": None,
        }
        super().__init__(made, kernel_shape, Reparameterization(), **points, **others)

    @property
    def kernel(self) -> Array:
        """The kernel."""
        return self.kernel_posterior.loc

    @property
    def bias(self) -> Array | None:
        """The bias, if there is one."""
        return self.bias_posterior and self.bias_posterior.loc


def check_sizes(layer: BilinearLayer, **sizes: int) -> None:
    """Raise unless every size is an integer >= 1."""
    for argument, size in sizes.items():
        check_size(type(layer).__name__, argument, size)
