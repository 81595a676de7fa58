"""The dense layers of `tfp.layers`: x (..., in) to (..., units)."""

from typing import Any, ClassVar

from varlayers.checks import check_size
from varlayers.compat.tfl.base import VariationalLayer
from varlayers.estimators import Flipout, LocalReparameterization, Reparameterization
from varlayers.layers.dense import Dense
from varlayers.types import Estimator, Shape

__all__ = [
    "DenseFlipout",
    "DenseLayer",
    "DenseLocalReparameterization",
    "DenseReparameterization",
]


class DenseLayer(VariationalLayer):
    """A dense layer; the classes made of it name the estimator.

    Args:
        units: size of the output, >= 1.
        activation: "relu", …, or an `Elementwise` pair; None for none.
        activity_regularizer: of the output: `L1L2`, or its like.
        trainable: whether the way back gives gradients of the parameters.
        others: name, dtype, seed, and the functions of `WeightFunctions`.

    Raises:
        TypeError: if an argument is unknown, or a function has no gradient.
        ValueError: if a number is out of range or a name unknown.
    """

    _arguments = ("units",)
    _estimator: ClassVar[Estimator]

    def __init__(
        self,
        units: int,
        activation: Any = None,
        activity_regularizer: Any = None,
        trainable: bool = True,
        **others: Any,
    ) -> None:
        check_size(type(self).__name__, "units", units)
        self.units = units
        super().__init__(activation, activity_regularizer, trainable, **others)

    def _make(self, input_shape: Shape, settings: dict[str, Any]) -> Dense:
        return Dense(input_shape[-1], self.units, estimator=self._estimator, **settings)


class DenseReparameterization(DenseLayer):
    """One draw of the weights for the whole batch. Arguments as `DenseLayer`."""

    _estimator = Reparameterization()


class DenseLocalReparameterization(DenseLayer):
    """Pre-activations drawn, not weights. Arguments as `DenseLayer`."""

    _estimator = LocalReparameterization(bias="shared")


class DenseFlipout(DenseLayer):
    """Weights drawn once, with signs for each example. Arguments as `DenseLayer`."""

    _estimator = Flipout()
