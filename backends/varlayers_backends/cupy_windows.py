"""Windows as the CUDA kernels are told of them: a struct, passed by value.

It has three spatial axes; missing ones have one entry, and a filter of one.
"""

from typing import Any

import numpy as np

from varlayers.types import Shape
from varlayers.windows import Window, out_space

__all__ = ["AXES", "SLIDING", "sliding", "struct"]

AXES = 3
_FIELDS = ("space", "out", "filter", "strides", "dilations", "lows")

# As in windows.cuh.
SLIDING = np.dtype([*((name, np.int32, AXES) for name in _FIELDS), ("channels", "i4")])


def struct(channels: int, **fields: Any) -> Any:
    """Return the struct with these fields, one number for each spatial axis."""
    told = np.zeros((), SLIDING)
    for name in _FIELDS:
        values = fields.get(name, ())
        told[name] = 0 if name == "lows" else 1
        told[name][AXES - len(values) :] = values
    told["channels"] = channels
    return told


def sliding(x_shape: Shape, filter_shape: Shape, window: Window) -> tuple[Any, Shape]:
    """Return the struct of a window over x, and the shape of what it makes of x."""
    n, *space, channels = x_shape
    out = out_space(tuple(space), filter_shape, window)
    told = struct(
        channels,
        space=space,
        out=out,
        filter=filter_shape,
        strides=window.strides,
        dilations=window.dilations,
        lows=[low for low, _ in window.pads],
    )
    return told, (n, *out, channels)
