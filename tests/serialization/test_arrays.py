"""Arrays go to the host and back without a change of value."""

import numpy as np
import pytest
from support.libraries import make_library

from varlayers.serialization.arrays import check_like, place, to_host

DATA = np.array([[1.5, -2.25, np.nan], [np.inf, 0.0, 3e-3]])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_to_host_and_back(library, dtype):
    x = library.asarray(DATA, dtype)
    host = to_host(x)
    assert host.dtype == dtype
    np.testing.assert_array_equal(host, DATA.astype(dtype))
    again = place(host, x)
    assert (type(again), again.dtype) == (type(x), x.dtype)
    assert again.device == x.device
    np.testing.assert_array_equal(library.to_numpy(again), DATA.astype(dtype))


@pytest.mark.parametrize("dtype", ["bool", "int32", "int64", "uint8"])
def test_integers_keep_their_dtype(library, dtype):
    like, data = library.asarray([0.0], "float32"), np.array([0, 1, 1], dtype)
    placed = place(data, like)
    assert type(placed) is type(like)
    assert placed.device == like.device
    host = library.to_numpy(placed)
    assert host.dtype == dtype
    np.testing.assert_array_equal(host, data)


@pytest.mark.parametrize("given", ["float16", "float32", "float64"])
def test_floating_arrays_take_the_dtype_of_like(library, given):
    like = library.asarray([0.0], "float32")
    placed = place(DATA.astype(given), like)
    assert placed.dtype == like.dtype
    desired = DATA.astype(given).astype("float32")
    np.testing.assert_array_equal(library.to_numpy(placed), desired)


@pytest.mark.parametrize("name", ["torch", "jax"])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision(name, dtype):
    library = make_library(name)
    x = library.xp.asarray([1.5, -0.25, 3.0], dtype=getattr(library.xp, dtype))
    host = to_host(x)
    assert host.dtype == ("float32" if dtype == "bfloat16" else "float16")
    again = place(host, x)
    assert again.dtype == x.dtype
    assert bool((again == x).all())


@pytest.mark.parametrize("name", ["torch", "jax"])
def test_every_bfloat16_number_is_kept(name):
    """Its range is float32's, beyond float16's; subnormal ones aside."""
    bits = np.arange(2**16, dtype=np.uint32) << 16
    numbers = bits.view(np.float32)
    numbers = numbers[np.abs(numbers) >= np.finfo(np.float32).smallest_normal]
    xp = make_library(name).xp
    placed = place(numbers, xp.zeros(1, dtype=xp.bfloat16))
    assert placed.dtype == xp.bfloat16
    host = to_host(placed)
    assert host.dtype == np.float32
    np.testing.assert_array_equal(host, numbers)


@pytest.mark.parametrize(
    "host", [DATA.T, DATA[:, ::2], DATA.astype(">f8"), np.float32(2.0), DATA[:0]]
)
def test_the_host_array_is_contiguous_and_little_endian(host):
    made = to_host(host)
    assert made.flags.c_contiguous
    assert made.dtype == made.dtype.newbyteorder("<")
    assert made.shape == np.shape(host)
    np.testing.assert_array_equal(made, host)


def test_placed_arrays_share_no_memory(library):
    like, host = library.asarray([0.0], "float64"), DATA.copy()
    placed = place(host, like)
    host[:] = 7.0
    np.testing.assert_array_equal(library.to_numpy(placed), DATA)


def test_placed_arrays_are_writable():
    host = DATA.copy()
    host.flags.writeable = False
    assert place(host).flags.writeable


@pytest.mark.parametrize("data", [np.array([1j]), np.array(["a"]), np.array([None])])
def test_other_dtypes_are_refused(data):
    with pytest.raises(TypeError, match=r"Expected an array of a dtype in \['bool', "):
        to_host(data)


def test_check_like(library):
    check_like(None)
    check_like(library.asarray([1.0], "float32"))
    with pytest.raises(TypeError, match=r"Expected `like` of a floating dtype, got .*"):
        check_like(library.asarray([1], "int32"))
