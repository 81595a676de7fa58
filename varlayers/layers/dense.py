"""Dense layer: an affine map x w + b with posteriors over w and b.

    y = x w + b     gradients and estimators: `Bilinear`, with the map `Matmul`

Shapes: x (..., i); kernel (i, o); bias (o,); y (..., o). Axis 0 of x counts the
examples.
"""

from dataclasses import dataclass

from varlayers.checks import check_size
from varlayers.initializers import fans_of
from varlayers.layers.bilinear import Bilinear
from varlayers.maps.matmul import MATMUL
from varlayers.types import Map, Shape

__all__ = ["Dense"]


@dataclass(frozen=True, repr=False)
class Dense(Bilinear):
    """Affine map with uncertain weights.

    Args:
        in_features: size of the last axis of x, >= 1.
        out_features: size of the last axis of y, >= 1.

    The other arguments are those of `Bilinear`.

    Raises:
        TypeError: if a size is not an integer.
        ValueError: if a size is < 1, or a name unknown.

    Example:
        >>> import numpy as np, varlayers as vl
        >>> layer = vl.Dense(3, 2, estimator="local")
        >>> x = np.ones((4, 3), np.float32)
        >>> params = layer.init(vl.key(0), like=x)
        >>> y, saved = layer.forward(params, x, layer.draw(vl.key(1), x.shape, x))
        >>> y.shape, y.dtype.name
        ((4, 2), 'float32')
    """

    in_features: int
    out_features: int

    def __post_init__(self) -> None:
        check_size("Dense", "in_features", self.in_features)
        check_size("Dense", "out_features", self.out_features)
        super().__post_init__()

    @property
    def map(self) -> Map:
        return MATMUL

    @property
    def kernel_shape(self) -> Shape:
        return (self.in_features, self.out_features)

    @property
    def fans(self) -> tuple[int, int]:
        return fans_of(self.kernel_shape)
