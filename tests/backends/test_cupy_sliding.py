"""Which convolutions and poolings of CuPy arrays are matrix products and kernels."""

import numpy as np
import pytest
from support import fake_cupy
from support.host_kernels import needs_compiler

from varlayers.types import FlippedWeight
from varlayers.windows import Window

CLASS = fake_cupy.kernels_class()


@pytest.fixture(autouse=True)
def launched():
    """The names of the kernels launched."""
    needs_compiler()
    fake_cupy.LAUNCHES.clear()
    with fake_cupy.installed():
        yield fake_cupy.LAUNCHES


def window_of(rank=1, groups=1):
    return Window((1,) * rank, (1,) * rank, ((0, 0),) * rank, groups)


def arrays(rank=1, groups=1, length=100, dtypes=("float32", "float32")):
    x = np.ones((2, *(length,) * rank, 2), dtypes[0])
    w = np.ones((*(2,) * rank, 2 // groups, 2), dtypes[1])
    return fake_cupy.ndarray(x), fake_cupy.ndarray(w)


def test_convolution_gathers_patches(launched):
    CLASS().conv(*arrays(), window_of())
    assert launched == ["patches"]


@pytest.mark.parametrize(
    ("rank", "groups", "dtypes"),
    [
        (4, 1, ("float32", "float32")),
        (1, 2, ("float32", "float32")),
        (1, 1, ("float32", "float64")),
        (1, 1, ("int32", "int32")),
    ],
)
def test_other_convolutions_go_to_the_generic_body(launched, rank, groups, dtypes):
    x, w = arrays(rank, groups, 3, dtypes)
    y = CLASS().conv(x, w, window_of(rank, groups))
    assert not launched
    assert np.all(y.get() == 2**rank * 2 / groups)


@pytest.mark.parametrize(
    ("length", "signs_length", "expected"),
    [
        (100, 1, ["flipped_weights", "patches"]),
        # A sign for each position: two products, and their sum.
        (100, 100, ["add_product", "patches", "patches"]),
        (10, 1, ["patches", "patches"]),
    ],
)
def test_one_weight_per_example_from_enough_positions_on(
    launched, length, signs_length, expected
):
    x, w = arrays(length=length)
    r = fake_cupy.ndarray(np.ones((2, signs_length, 2), "float32"))
    s = fake_cupy.ndarray(np.ones((2, max(1, signs_length - 1), 2), "float32"))
    CLASS().conv_flipped(x, FlippedWeight(w, w, r, s), window_of())
    assert sorted(launched) == expected


@pytest.mark.parametrize(
    ("size", "kernel"), [(2, "max_pool_short"), (257, "max_pool_long")]
)
def test_index_has_the_dtype_of_the_generic_body(launched, size, kernel):
    x, _ = arrays(length=300)
    x[:, size - 1 :: size, :] = 3
    y, index = CLASS().max_pool(x, (size,), Window((size,), (1,), ((0, 0),)))
    assert launched == [kernel]
    assert np.all(y.get() == 3)
    assert np.all(index.get() == size - 1)
    assert index.dtype == (np.uint8 if size <= 256 else np.int32)


def test_pooling_of_many_axes_goes_to_the_generic_body(launched):
    x, _ = arrays(4, length=2)
    y, index = CLASS().max_pool(x, (2,) * 4, window_of(4))
    dx = CLASS().max_pool_backward(y, index, x.shape, (2,) * 4, window_of(4))
    assert not launched
    assert dx.shape == x.shape


def test_nan_and_infinity_pool_as_in_the_generic_body(launched):
    x = np.array([np.nan, 1, -np.inf, -np.inf, np.inf, 2], "float32").reshape(1, 6, 1)
    y, _ = CLASS().max_pool(fake_cupy.ndarray(x), (2,), Window((2,), (1,), ((0, 0),)))
    np.testing.assert_array_equal(y.get().ravel(), [np.nan, -np.inf, np.inf])
