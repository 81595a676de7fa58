"""The CUDA sources, as the package joins them and tells the compiler about them."""

from functools import cache

from support import fake_cupy


@cache
def launcher():
    """Return `varlayers_backends.cupy_launch`, imported without CuPy."""
    with fake_cupy.installed():
        from varlayers_backends import cupy_launch
    return cupy_launch
