"""Which kernels NumPy arrays get: compiled ones where numba is at hand, else NumPy's.

numba is imported here, on the first use of a NumPy array, and tried: it must draw the
right numbers. Where it is missing, plain NumPy goes on in silence; where it is too old
or fails, with one warning. VARLAYERS_NUMBA=0 in the environment turns it off.
"""

import os
import warnings

import numpy as np

from varlayers.random import Key
from varlayers_backends.numpy import NumpyKernels

__all__ = ["kernels"]

_OLDEST = (0, 61)
_KEY = Key(1, 2)


def kernels() -> NumpyKernels:
    """Return the fastest kernels that work here."""
    if os.environ.get("VARLAYERS_NUMBA") == "0":
        return NumpyKernels()
    try:
        return _compiled()
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and error.name == "numba":
            return NumpyKernels()
        reason = str(error).strip().partition("\n")[0]
        warnings.warn(
            f"numba does not work here ({type(error).__name__}: {reason}). varlayers "
            'goes on with plain NumPy. Try pip install --upgrade "varlayers[fast]", '
            "or set VARLAYERS_NUMBA=0 to be without it in silence.",
            RuntimeWarning,
            stacklevel=2,
        )
        return NumpyKernels()


def _compiled() -> NumpyKernels:
    import numba

    found = tuple(int(part) for part in numba.__version__.split(".")[:2])
    if found < _OLDEST:
        oldest = ".".join(map(str, _OLDEST))
        msg = f"expected numba >= {oldest}, got {numba.__version__}"
        raise ImportError(msg)
    from varlayers_backends.numba import NumbaKernels

    compiled, plain, like = NumbaKernels(), NumpyKernels(), np.zeros(0, np.float32)
    drawn, right = (kernels.normal(_KEY, (5,), like) for kernels in (compiled, plain))
    if not np.allclose(drawn, right, atol=1e-5):
        msg = f"expected the normals {right}, got {drawn}"
        raise ArithmeticError(msg)
    return compiled
