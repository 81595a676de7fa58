"""The dense layers of `tfp.experimental.nn`: x (..., in) to (..., out)."""

from typing import Any, ClassVar

from varlayers.checks import check_size
from varlayers.compat.tfn.layer import Layer, VariationalLayer
from varlayers.compat.tfn.settings import (
    Settings,
    activated,
    bilinear_settings,
    value_of,
    without_priors,
)
from varlayers.compat.tfn.weights import make_kernel_bias
from varlayers.estimators import Flipout, LocalReparameterization, Reparameterization
from varlayers.layers.dense import Dense
from varlayers.random import Source
from varlayers.types import Array, Estimator

__all__ = [
    "Affine",
    "AffineVariational",
    "AffineVariationalFlipout",
    "AffineVariationalReparameterization",
    "AffineVariationalReparameterizationLocal",
]


class AffineVariational(VariationalLayer):
    """A dense layer; the classes made of it name the estimator.

    Args:
        input_size: size of the last axis of x, >= 1.
        output_size: size of the last axis of y, >= 1.
        validate_args: accepted; arguments are checked in any case.
        dtype: of the parameters, NumPy's.
        seed: an integer, or a key.
        name: by default the class's, numbered.
        like: an array whose library, dtype and device the parameters get instead.
        settings: those of `Settings`.

    Raises:
        TypeError: if an argument is unknown, or a function has no gradient.
        ValueError: if a number is out of range or a name unknown.

    Example:
        >>> import numpy as np
        >>> from varlayers.compat import tfn
        >>> layer = tfn.AffineVariationalFlipout(3, 2, activation_fn="relu", seed=0)
        >>> layer(np.ones((4, 3), np.float32)).shape
        (4, 2)
    """

    _estimator: ClassVar[Estimator]

    def __init__(
        self,
        input_size: int,
        output_size: int,
        *,
        validate_args: bool = False,
        dtype: str = "float32",
        seed: int | Source | None = None,
        name: str | None = None,
        like: Array | None = None,
        **settings: Any,
    ) -> None:
        owner = type(self).__name__
        check_size(owner, "input_size", input_size)
        check_size(owner, "output_size", output_size)
        self.settings = Settings(**settings)
        made = bilinear_settings(
            owner, self.settings, (input_size, output_size), self._estimator, dtype
        )
        layer = Dense(input_size, output_size, **made)
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


class AffineVariationalReparameterization(AffineVariational):
    """Weights drawn once for the batch. Arguments as `AffineVariational`."""

    _estimator = Reparameterization()


class AffineVariationalReparameterizationLocal(AffineVariational):
    """Outputs drawn, not weights. Arguments as `AffineVariational`."""

    _estimator = LocalReparameterization()


class AffineVariationalFlipout(AffineVariational):
    """Weights drawn once, with signs by example. Arguments as `AffineVariational`."""

    _estimator = Flipout()


class Affine(Layer):
    """A dense layer of points. Arguments as `AffineVariational`, without priors.

    Attributes:
        kernel: (input_size, output_size).
        bias: (output_size,).
    """

    def __init__(
        self,
        input_size: int,
        output_size: int,
        kernel_initializer: Any = None,
        bias_initializer: Any = None,
        make_kernel_bias_fn: Any = make_kernel_bias,
        dtype: str = "float32",
        activation_fn: Any = None,
        name: str | None = None,
        *,
        seed: int | Source | None = None,
        like: Array | None = None,
    ) -> None:
        check_size("Affine", "input_size", input_size)
        check_size("Affine", "output_size", output_size)
        given = Settings(
            *(kernel_initializer, bias_initializer, make_kernel_bias_fn),
            make_prior_fn=without_priors,
            divergence=None,
        )
        made = bilinear_settings(
            "Affine", given, (input_size, output_size), Reparameterization(), dtype
        )
        layer = activated(
            "Affine", Dense(input_size, output_size, **made), activation_fn
        )
        super().__init__(layer, name=name, seed=seed, dtype=dtype, like=like)

    @property
    def kernel(self) -> Array:
        """The kernel."""
        return self.kernel_posterior.loc

    @property
    def bias(self) -> Array | None:
        """The bias, if there is one."""
        return self.bias_posterior and self.bias_posterior.loc
