"""Small example shapes of every map, and a layer around any map.

A new map joins the tests of maps and of estimators by its line in `MAPS` and one in
`MAP_EXAMPLES`.
"""

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from varlayers.initializers import fans_of
from varlayers.layers.bilinear import Bilinear
from varlayers.maps import MAPS

_SIZES = st.integers(1, 4)


@dataclass(frozen=True)
class MapExample:
    """Shapes that a map accepts.

    Attributes:
        w_shape: of the weight, its last two axes the channels in and out.
        x_shapes: of inputs that fit it, the first a plain batch; no two sizes alike.
        shapes: draws any pair (x_shape, w_shape) that fits, corners included.
    """

    w_shape: tuple[int, ...]
    x_shapes: tuple[tuple[int, ...], ...]
    shapes: Any


@st.composite
def _matmul_shapes(draw):
    leading = draw(st.lists(st.integers(0, 4), max_size=3))
    features_in, features_out = draw(_SIZES), draw(_SIZES)
    return (*leading, features_in), (features_in, features_out)


MAP_EXAMPLES = {
    "matmul": MapExample((3, 2), ((5, 3), (2, 4, 3), (3,)), _matmul_shapes()),
}


@dataclass(frozen=True, kw_only=True)
class MapLayer(Bilinear):
    """The layer of a map of the registry, with its example's kernel."""

    name: str

    @property
    def map(self):
        return MAPS[self.name]

    @property
    def kernel_shape(self):
        return MAP_EXAMPLES[self.name].w_shape

    @property
    def fans(self):
        return fans_of(self.kernel_shape)
