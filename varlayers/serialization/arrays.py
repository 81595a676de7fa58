"""Arrays of any library as host arrays, and back."""

from typing import Any

import numpy as np

from varlayers.dispatch import kernels_for
from varlayers.types import Array

__all__ = ["check_like", "place", "to_host"]

_BITS = (8, 16, 32, 64)
_DTYPES = {
    "bool",
    *(f"{kind}{bits}" for kind in ("int", "uint") for bits in _BITS),
    *(f"float{bits}" for bits in _BITS[1:]),
}


def to_host(x: Array) -> Any:
    """Return x as a contiguous little-endian NumPy array, which may share its memory.

    A bfloat16 array comes as float32, which holds its values exactly.

    Raises:
        TypeError: if its dtype is neither boolean nor a real number's.
    """
    k = kernels_for(x)
    if "bfloat16" in str(x.dtype):
        x = k.xp.astype(x, k.xp.float32)
    host = np.asarray(k.to_numpy(x), order="C")
    if host.dtype.name not in _DTYPES:
        msg = f"Expected an array of a dtype in {sorted(_DTYPES)}, got {host.dtype}."
        raise TypeError(msg)
    return host.astype(host.dtype.newbyteorder("<"), copy=False)


def check_like(like: Array | None) -> None:
    """Raise unless `like` is None or an array of a floating dtype."""
    if like is None or kernels_for(like).xp.isdtype(like.dtype, "real floating"):
        return
    msg = f"Expected `like` of a floating dtype, got {like.dtype}."
    raise TypeError(msg)


def place(host: Any, like: Array | None = None) -> Array:
    """Return a copy of a host array with the library and device of `like`.

    A floating array takes the dtype of `like` as well; without `like` it stays in
    NumPy as it is.
    """
    copy = np.array(host)
    if like is None:
        return copy
    k = kernels_for(like)
    if copy.dtype.kind == "f":
        return k.asarray(copy, like)
    dtype = getattr(k.xp, copy.dtype.name)
    return k.asarray(copy, k.xp.zeros((), dtype=dtype, device=k.device(like)))
