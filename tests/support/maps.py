"""Small examples of every map, and a layer around any map.

A new map joins the tests of maps and of estimators by its line in `MAPS` and one or
more in `MAP_EXAMPLES`.
"""

import itertools
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from varlayers.initializers import fans_of
from varlayers.layers.bilinear import Bilinear
from varlayers.maps import MATMUL, Convolution, ConvolutionTranspose
from varlayers.types import Map

_SIZES = st.integers(1, 4)


@dataclass(frozen=True)
class MapExample:
    """A map, and shapes that it accepts.

    Attributes:
        map: the map.
        w_shape: of the weight, its last two axes the channels in and out.
        x_shapes: of inputs that fit it, the first a plain batch; no two sizes alike.
        problems: draws any (map of this kind, x_shape, w_shape) that fit, corners
            included.
    """

    map: Map
    w_shape: tuple[int, ...]
    x_shapes: tuple[tuple[int, ...], ...]
    problems: Any

    @property
    def with_positions(self):
        """The shape of an input whose examples have positions."""
        return self.x_shapes[min(1, len(self.x_shapes) - 1)]


@st.composite
def matmuls(draw):
    leading = draw(st.lists(st.integers(0, 4), max_size=3))
    features_in, features_out = draw(_SIZES), draw(_SIZES)
    return MATMUL, (*leading, features_in), (features_in, features_out)


@st.composite
def convolutions(draw, ranks=(1, 2, 3)):
    """Draw a convolution with an input and a weight that fit it."""
    f, filter_shape = draw(_settings(ranks))
    x_space = tuple(draw(_lengths(f, filter_shape)))
    x_shape, w_shape = draw(_channels(f, x_space, filter_shape))
    return f, x_shape, w_shape


@st.composite
def convolution_transposes(draw, ranks=(1, 2, 3)):
    """Draw a transposed convolution with an input and a weight that fit it.

    The spatial shape of y comes first, so every one that a convolution has is met.
    """
    of, filter_shape = draw(_settings(ranks))
    y_space = tuple(draw(_lengths(of, filter_shape)))
    y_shape, w_shape = of.channels.join((), y_space, 1), (*filter_shape, 1, 1)
    one = Convolution(of.rank, of.strides, of.dilations, of.padding, 1, of.data_format)
    x_space = of.channels.split(one.out_shape(y_shape, w_shape))[1]
    f = ConvolutionTranspose(of, output_size=y_space)
    x_shape, w_shape = draw(_channels(of, x_space, filter_shape))
    return f, x_shape, w_shape


@st.composite
def _settings(draw, ranks):
    rank = draw(st.sampled_from(ranks))
    sizes = st.tuples(*[st.integers(1, 3)] * rank)
    pads = st.tuples(*[st.tuples(*[st.integers(0, 3)] * 2)] * rank)
    names = ["valid", "same"] + (["causal", "anticausal"] if rank == 1 else [])
    f = Convolution(
        rank,
        strides=draw(sizes),
        dilations=draw(sizes),
        padding=draw(st.sampled_from(names) | pads),
        groups=draw(st.sampled_from([1, 1, 2, 3])),
        data_format=draw(st.sampled_from(["channels_last", "channels_first"])),
    )
    return f, draw(sizes)


def _lengths(f, filter_shape):
    """Draw lengths of the axes, as short as the padding allows or a little longer."""
    return st.tuples(
        *(
            st.integers(least := _least(padding, span), least + 3)
            for padding, span, _ in f.axes(filter_shape)
        )
    )


def _least(padding, span):
    if padding == "valid":
        return span
    return 1 if isinstance(padding, str) else max(1, span - sum(padding))


@st.composite
def _channels(draw, f, space, filter_shape):
    batch = draw(st.lists(st.integers(0, 2), max_size=2))
    fan_in, out = draw(st.integers(1, 2)), f.groups * draw(st.integers(1, 2))
    x_shape = f.channels.join(tuple(batch), space, f.groups * fan_in)
    return x_shape, (*filter_shape, fan_in, out)


_STRIDED = Convolution(2, strides=(2, 1), dilations=(1, 2), padding="same", groups=2)
_FIRST = Convolution(1, strides=2, padding=1, data_format="channels_first")

MAP_EXAMPLES = {
    "matmul": MapExample(MATMUL, (3, 2), ((5, 3), (2, 4, 3), (3,)), matmuls()),
    "convolution": MapExample(_STRIDED, (2, 2, 1, 4), ((3, 5, 6, 2),), convolutions()),
    "convolution_transpose": MapExample(
        ConvolutionTranspose(_FIRST, output_padding=1),
        (3, 2, 3),
        ((4, 2, 5),),
        convolution_transposes(),
    ),
}


def groups_of(f):
    """Return into how many groups a map divides the channels."""
    return getattr(getattr(f, "convolution", f), "groups", 1)


def examples_of(f, x_shape):
    """Return every index of the axes that count the examples."""
    f = getattr(f, "convolution", f)
    axes = min(1, len(x_shape) - 1)
    if isinstance(f, Convolution):
        axes = len(x_shape) - f.rank - 1
    return list(itertools.product(*map(range, x_shape[:axes])))


@dataclass(frozen=True, kw_only=True)
class MapLayer(Bilinear):
    """The layer of a map of `MAP_EXAMPLES`, with its kernel."""

    name: str

    @property
    def map(self):
        return MAP_EXAMPLES[self.name].map

    @property
    def kernel_shape(self):
        return MAP_EXAMPLES[self.name].w_shape

    @property
    def fans(self):
        return fans_of(self.kernel_shape)
