"""CUDA graphs on the host: the stand-ins for CuPy and cuBLAS, and graphs asked for."""

from contextlib import contextmanager

from support import fake_cupy
from support.fake_streams import Cublas
from support.host_kernels import needs_compiler


@contextmanager
def switched_on(monkeypatch):
    """Yield `cupy_graphs`, while CuPy's arrays have their steps captured."""
    needs_compiler()
    monkeypatch.setenv("VARLAYERS_CUDA_GRAPHS", "1")
    with fake_cupy.installed():
        from varlayers_backends import cupy_graphs, cupy_products

        cublas = Cublas()
        monkeypatch.setattr(cupy_products, "_library", lambda: cublas)
        cupy_products._handle.cache_clear()
        cupy_graphs.captured.cache_clear()
        yield cupy_graphs
