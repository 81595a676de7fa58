"""Windows as the CUDA kernels are told of them: a struct, passed by value.

It has three spatial axes; missing ones have one entry, and a filter of one.
"""

from typing import Any

import numpy as np

from varlayers.types import Shape
from varlayers.windows import Window, out_space

__all__ = ["AXES", "SLIDING", "sliding"]

AXES = 3
_FIELDS = ("space", "out", "filter", "strides", "dilations", "lows")

# As in windows.cuh.
SLIDING = np.dtype([*((name, np.int32, AXES) for name in _FIELDS), ("channels", "i4")])


def sliding(x_shape: Shape, filter_shape: Shape, window: Window) -> tuple[Any, Shape]:
    """Return the struct and the shape of the output, with the channels of x."""
    n, *space, channels = x_shape
    out = out_space(tuple(space), filter_shape, window)
    lows = tuple(low for low, _ in window.pads)
    fields = (space, out, filter_shape, window.strides, window.dilations, lows)
    told = np.zeros((), SLIDING)
    for name, values in zip(_FIELDS, fields, strict=True):
        told[name] = 0 if name == "lows" else 1
        told[name][AXES - len(space) :] = values
    told["channels"] = channels
    return told, (n, *out, channels)
