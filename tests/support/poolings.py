"""Poolings small enough to try on every backend, corners included.

Of each: the spatial shape of x, the shape of the pool, and the window.
"""

import numpy as np

from support.convolutions import CONVOLUTIONS
from varlayers.windows import Window, out_space

POOLINGS = {
    "halves": ((6, 4), (2, 2), Window((2, 2), (1, 1), ((0, 0), (0, 0)))),
    "halves, unread end": ((7, 5), (2, 2), Window((2, 2), (1, 1), ((0, 0), (0, 0)))),
    "halves, padded": ((5, 4), (2, 3), Window((2, 3), (1, 1), ((0, 1), (1, 1)))),
    "overlapping": ((5, 4), (3, 2), Window((1, 1), (1, 1), ((1, 1), (0, 1)))),
    "dilated, apart": ((9,), (2,), Window((4,), (3,), ((0, 0),))),
    "dilated, shared": ((9,), (3,), Window((3,), (2,), ((1, 2),))),
    "one position": ((1, 1), (1, 1), Window((1, 1), (1, 1), ((0, 0), (0, 0)))),
    "everything": ((3, 4), (3, 4), Window((3, 4), (1, 1), ((0, 0), (0, 0)))),
    "more than a byte": (
        (8, 7, 6),
        (7, 7, 6),
        Window((1,) * 3, (1,) * 3, ((0, 0),) * 3),
    ),
    **{
        name: (space, filter_shape, window)
        for name, (space, filter_shape, window, _) in CONVOLUTIONS.items()
        if window.groups == 1 and not name.startswith(("cut", "many"))
    },
    "cut": ((7, 8), (2, 2), Window((1, 2), (1, 1), ((-1, 1), (1, -2)))),
}


def arrays_of(name, count, rng, dtype="float64", *, ties=False):
    """Return random x and dy of a batch of `count`, the shape of the pool, the window.

    With ties the entries of x are few whole numbers.
    """
    space, filter_shape, window = POOLINGS[name]
    x = rng.standard_normal((count, *space, 3))
    dy = rng.standard_normal((count, *out_space(space, filter_shape, window), 3))
    x = np.round(x) if ties else x
    return np.asarray(x, dtype), np.asarray(dy, dtype), filter_shape, window
