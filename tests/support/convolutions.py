"""Convolutions small enough to try on every backend, corners included.

Of each: the spatial shape of x, that of the filter, the window, and how many channels
of a group go in and out.
"""

import numpy as np

from varlayers.windows import Window, out_space

CONVOLUTIONS = {
    "plain": ((5, 6), (3, 2), Window((1, 1), (1, 1), ((0, 0), (0, 0))), (2, 3)),
    "same": ((6, 5), (3, 3), Window((1, 1), (1, 1), ((1, 1), (1, 1))), (2, 3)),
    "strided": ((7, 6), (3, 2), Window((2, 3), (1, 1), ((0, 1), (1, 2))), (2, 3)),
    "dilated": ((7, 6), (3, 2), Window((1, 1), (2, 3), ((0, 1), (2, 0))), (2, 3)),
    "both": ((8, 9), (2, 3), Window((2, 3), (3, 2), ((2, 1), (0, 0))), (2, 2)),
    "grouped": ((4, 5), (2, 3), Window((2, 1), (1, 1), ((1, 0), (1, 1)), 3), (2, 1)),
    "depthwise": ((5, 4), (3, 3), Window((1, 1), (1, 1), ((1, 1), (1, 1)), 4), (1, 2)),
    "depthwise, all": (
        (8, 9),
        (2, 3),
        Window((2, 1), (2, 1), ((-1, 2), (2, -1)), 3),
        (1, 1),
    ),
    "cut": ((7, 8), (2, 2), Window((1, 2), (1, 1), ((-1, 2), (1, -2))), (2, 3)),
    "long filter": ((2, 1), (5, 3), Window((1, 1), (1, 1), ((2, 2), (1, 1))), (2, 3)),
    "short filter": ((7, 8), (1, 2), Window((3, 3), (1, 1), ((0, 0), (0, 0))), (2, 3)),
    "unread end": ((8,), (2,), Window((3,), (1,), ((0, 0),)), (2, 3)),
    "one axis": ((6,), (3,), Window((1,), (2,), ((4, 0),)), (2, 3)),
    "many channels": (
        (5, 4),
        (3, 3),
        Window((1, 1), (1, 1), ((1, 1), (1, 1))),
        (40, 7),
    ),
    "many, strided": (
        (7, 4),
        (3, 2),
        Window((2, 1), (2, 1), ((3, 1), (0, 1))),
        (40, 7),
    ),
    "many, one axis": ((9,), (3,), Window((2,), (1,), ((1, 1),)), (70, 5)),
    "three axes": (
        (4, 3, 5),
        (2, 3, 2),
        Window((1, 2, 3), (2, 1, 1), ((1, 0), (1, 1), (0, 2))),
        (2, 3),
    ),
    "many positions": (
        (7, 6),
        (2, 2),
        Window((1, 1), (1, 1), ((1, 1), (0, 1))),
        (3, 2),
    ),
    "many positions, strided": (
        (13, 12),
        (3, 2),
        Window((2, 2), (1, 1), ((1, 1), (1, 0))),
        (2, 3),
    ),
    "four axes": (
        (3, 2, 3, 2),
        (2,) * 4,
        Window((1,) * 4, (1,) * 4, ((1, 0),) * 4),
        (2, 1),
    ),
}


def arrays_of(name, count, rng, dtype="float64"):
    """Return random x, w and dy of a batch of `count`, and the window."""
    space, filter_shape, window, (fan_in, fan_out) = CONVOLUTIONS[name]
    groups, out = window.groups, out_space(space, filter_shape, window)
    shapes = (
        (count, *space, groups * fan_in),
        (*filter_shape, fan_in, groups * fan_out),
        (count, *out, groups * fan_out),
    )
    x, w, dy = (np.asarray(rng.standard_normal(shape), dtype) for shape in shapes)
    return x, w, dy, window


def signs_of(x, rng):
    """Return one random sign for each example and channel of x (n, *space, c)."""
    shape = (len(x), *(1,) * (x.ndim - 2), x.shape[-1])
    return np.asarray(rng.choice([-1.0, 1.0], shape), x.dtype)
