"""The dense layers of `tfp.experimental.nn`: x (..., in) to (..., out)."""

from functools import partial
from typing import Any, ClassVar

from varlayers.compat.tfn.bilinear import BilinearLayer, KernelBiasLayer, check_sizes
from varlayers.estimators import Flipout, LocalReparameterization, Reparameterization
from varlayers.layers.dense import Dense
from varlayers.types import Estimator

__all__ = [
    "Affine",
    "AffineVariational",
    "AffineVariationalFlipout",
    "AffineVariationalReparameterization",
    "AffineVariationalReparameterizationLocal",
]


class AffineVariational(BilinearLayer):
    """A dense layer; the classes made of it name the estimator.

    Args:
        input_size: size of the last axis of x, >= 1.
        output_size: size of the last axis of y, >= 1.
        others: validate_args, dtype, seed, name and like of `BilinearLayer`, and the
            arguments of `Settings`.

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

    def __init__(self, input_size: int, output_size: int, **others: Any) -> None:
        check_sizes(self, input_size=input_size, output_size=output_size)
        sizes = (input_size, output_size)
        super().__init__(partial(Dense, *sizes), sizes, self._estimator, **others)


class AffineVariationalReparameterization(AffineVariational):
    """Weights drawn once for the batch. Arguments as `AffineVariational`."""

    _estimator = Reparameterization()


class AffineVariationalReparameterizationLocal(AffineVariational):
    """Outputs drawn, not weights. Arguments as `AffineVariational`."""

    _estimator = LocalReparameterization()


class AffineVariationalFlipout(AffineVariational):
    """Weights drawn once, with signs by example. Arguments as `AffineVariational`."""

    _estimator = Flipout()


class Affine(KernelBiasLayer):
    """A dense layer of points.

    Args:
        input_size: size of the last axis of x, >= 1.
        output_size: size of the last axis of y, >= 1.
        others: those of `KernelBiasLayer`. With `batch_shape` B, x is (..., B, in) and
            y is (..., B, out).

    Attributes:
        kernel: (*B, input_size, output_size).
        bias: (*B, output_size).
    """

    def __init__(self, input_size: int, output_size: int, **others: Any) -> None:
        check_sizes(self, input_size=input_size, output_size=output_size)
        sizes = (input_size, output_size)
        super().__init__(partial(Dense, *sizes), sizes, 1, **others)
