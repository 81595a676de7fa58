"""Products in parts: the same as whole, of any order, and BLAS as it was before."""

import numpy as np
import pytest

pytest.importorskip("numba")

from varlayers_backends import numba_blas, numba_threads
from varlayers_backends.numba import NumbaKernels
from varlayers_backends.numpy import NumpyKernels

COMPILED = NumbaKernels()


@pytest.fixture(params=[2, 3])
def threads(request, monkeypatch):
    if numba_blas.find() is None:
        pytest.skip("NumPy's BLAS is none that is called here")
    monkeypatch.setattr(numba_threads, "team_size", lambda: request.param)
    return request.param


@pytest.fixture
def shared(threads, monkeypatch):
    """Refuse NumPy's own product."""

    def refuse(*_):
        msg = "expected a product in parts"
        raise AssertionError(msg)

    monkeypatch.setattr(NumpyKernels, "matmul", refuse)


def factor(rng, rows, columns, dtype, turned):
    if turned:
        return rng.standard_normal((columns, rows)).astype(dtype).T
    return rng.standard_normal((rows, columns)).astype(dtype)


@pytest.mark.usefixtures("shared")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("turned", [(0, 0), (0, 1), (1, 0), (1, 1)])
@pytest.mark.parametrize(
    "sizes", [(128, 70, 90), (70, 128, 90), (7, 801, 90), (801, 7, 90), (1, 1, 300_000)]
)
def test_product(sizes, turned, dtype):
    rng, (m, n, k) = np.random.default_rng(0), sizes
    a, b = factor(rng, m, k, dtype, turned[0]), factor(rng, k, n, dtype, turned[1])
    desired = a.astype("float64") @ b.astype("float64")
    tolerance = (1e-6 if dtype == "float32" else 1e-15) * k
    np.testing.assert_allclose(COMPILED.matmul(a, b), desired, atol=tolerance)


@pytest.mark.usefixtures("shared")
def test_factors_that_are_parts_of_others():
    """A row of a matrix is stored by columns as well as by rows."""
    rng = np.random.default_rng(0)
    whole = rng.standard_normal((3, 600))
    a, b = whole[:1], rng.standard_normal((600, 700))
    np.testing.assert_allclose(COMPILED.matmul(a, b), a @ b, atol=1e-12)
    np.testing.assert_allclose(COMPILED.matmul(b.T, a.T), b.T @ a.T, atol=1e-12)


def test_strided_factors_go_to_numpy(threads):
    x = np.random.default_rng(0).standard_normal((200, 400))[:, ::2]
    np.testing.assert_allclose(COMPILED.matmul(x, x), x @ x, atol=1e-12)


def test_blas_has_its_threads_again(monkeypatch):
    threadpoolctl = pytest.importorskip("threadpoolctl")
    if numba_blas.find() is None:
        pytest.skip("NumPy's BLAS is none that is called here")
    x = np.ones((200, 200))
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        assert numba_threads.thread_count() == 2
        COMPILED.matmul(x, x)
        assert numba_threads.thread_count() == 2


def test_an_unknown_blas_is_left_alone(monkeypatch):
    monkeypatch.setattr(numba_threads, "pools", list)
    numba_blas.find.cache_clear()
    try:
        assert numba_blas.find() is None
    finally:
        numba_blas.find.cache_clear()
