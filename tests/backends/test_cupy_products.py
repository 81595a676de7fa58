"""Products that CuPy refuses while it captures go to cuBLAS (`fake_streams`)."""

import ctypes
import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from support import fake_cupy
from support.fake_streams import Cublas

from varlayers_backends.tracing import tracing

fake_cupy.kernels_class()


@pytest.fixture
def cublas():
    return Cublas()


@pytest.fixture(autouse=True)
def products(monkeypatch, cublas):
    """`cupy_products`, with the stand-ins for CuPy and cuBLAS."""
    with fake_cupy.installed():
        from varlayers_backends import cupy_products

        monkeypatch.setattr(cupy_products, "_library", lambda: cublas)
        cupy_products._handle.cache_clear()
        cupy_products._kinds.cache_clear()
        with tracing(board="of a graph"):
            yield cupy_products


def contiguous(x):
    return np.array(x, order="C")


def transposed(x):
    return np.swapaxes(np.array(np.swapaxes(x, -1, -2), order="C"), -1, -2)


def cut(x):
    """Return x as a part of a wider matrix, with rows further apart."""
    return np.concatenate([x, x], axis=-1)[..., : x.shape[-1]]


def spread(x):
    """Return x with neither rows nor columns side by side."""
    return np.repeat(x, 2, axis=-1)[..., ::2]


LAYOUTS = [contiguous, cut, spread, transposed]
SIZES = [(1, 1, 1), (1, 4, 3), (3, 1, 4), (3, 4, 1), (3, 4, 5), (1, 4, 1)]


@pytest.mark.parametrize("second", LAYOUTS)
@pytest.mark.parametrize("first", LAYOUTS)
def test_operands_lie_as_they_like(products, cublas, first, second):
    rng = np.random.default_rng(0)
    for stack, (m, k, n) in itertools.product([(), (1,), (2,)], SIZES):
        a, b = rng.standard_normal((*stack, m, k)), rng.standard_normal((*stack, k, n))
        given = fake_cupy.ndarray(first(a)), fake_cupy.ndarray(second(b))
        np.testing.assert_allclose(products.matmul(*given).get(), a @ b, rtol=1e-13)
        out = fake_cupy.ndarray(np.full((*stack, m, n), np.nan))
        assert products.matmul(*given, out=out) is out
        np.testing.assert_allclose(out.get(), a @ b, rtol=1e-13)
    assert cublas.products == 2 * 3 * len(SIZES)


@pytest.mark.parametrize(("m", "k", "n"), [(0, 2, 3), (2, 0, 3), (2, 3, 0)])
def test_empty_products_are_not_asked_for(products, cublas, m, k, n):
    a, b = (fake_cupy.ndarray(np.ones(shape)) for shape in ((m, k), (k, n)))
    made = products.matmul(a, b)
    assert made.shape == (m, n)
    assert not np.any(made.get())
    assert not cublas.products


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_halves_are_added_up_in_single_precision(products, cublas, dtype):
    a = np.random.default_rng(0).standard_normal((4, 5)).astype(dtype)
    made = products.matmul(fake_cupy.ndarray(a), fake_cupy.ndarray(a.T.copy()))
    assert made.dtype == dtype
    np.testing.assert_allclose(made.get(), a @ a.T, rtol=4 * np.finfo(dtype).eps)
    assert cublas.products == 1


@pytest.mark.parametrize("dtypes", [("int32", "int32"), ("float32", "float64")])
def test_other_products_are_left_to_cupy(products, cublas, dtypes):
    a, b = (fake_cupy.ndarray(np.ones((2, 2), dtype)) for dtype in dtypes)
    assert products.matmul(a, b).get().tolist() == [[2, 2], [2, 2]]
    with tracing(board=None):
        assert products.matmul(a, a).get().tolist() == [[2, 2], [2, 2]]
    assert not cublas.products


def test_tf32_is_a_choice(products, monkeypatch):
    single, double = np.dtype("f4"), np.dtype("f8")
    assert products._kinds(single)[1].value == 68
    monkeypatch.setenv("CUPY_TF32", "1")
    products._kinds.cache_clear()
    assert products._kinds(single)[1].value == 77
    assert products._kinds(double)[1].value == 70
    products._kinds.cache_clear()


def test_failures_are_told(products, cublas, monkeypatch):
    monkeypatch.setattr(cublas, "cublasSetStream_v2", lambda *_: 13)
    x = fake_cupy.ndarray(np.ones((2, 2)))
    with pytest.raises(RuntimeError, match=r"^cuBLAS failed with status 13\.$"):
        products.matmul(x, x)


def test_library_is_that_of_cupy(products, monkeypatch):
    """CuPy has loaded it by then, under the name for its version of CUDA."""
    monkeypatch.undo()
    asked = []
    handles = SimpleNamespace(get_cublas_handle=lambda: asked.append("a handle"))
    runtime = SimpleNamespace(runtimeGetVersion=lambda: 12090)
    monkeypatch.setattr(products.cupy.cuda, "device", handles)
    monkeypatch.setattr(products.cupy.cuda, "runtime", runtime, raising=False)
    monkeypatch.setattr(ctypes, "CDLL", asked.append)
    products._library.cache_clear()
    products._library()
    products._library.cache_clear()
    assert asked[0] == "a handle"
    assert asked[1] in ("libcublas.so.12", "cublas64_12.dll")
