import numpy as np
import pytest

from varlayers.layers import Flatten, Reshape


@pytest.mark.parametrize(
    ("target", "x_shape", "shape"),
    [
        ((2, 6), (5, 4, 3), (5, 2, 6)),
        ((-1,), (5, 4, 3), (5, 12)),
        ((2, -1, 3), (5, 12), (5, 2, 2, 3)),
        ([3, -1], (0, 6), (0, 3, 2)),
        ((-1,), (5,), (5, 1)),
        ((), (5, 1), (5,)),
    ],
)
def test_keeps_the_first_axis_and_the_order(target, x_shape, shape):
    x = np.arange(np.prod(x_shape), dtype=np.float64).reshape(x_shape)
    layer = Reshape(target)
    y, saved = layer.forward({}, x, {})
    np.testing.assert_array_equal(y, x.reshape(shape))
    np.testing.assert_array_equal(layer.backward(saved, y)[0], x)
    assert layer.out_shape(x_shape) == shape


def test_minus_one_alone_flattens():
    assert Reshape((-1,)).out_shape((3, 4, 5)) == Flatten().out_shape((3, 4, 5))


@pytest.mark.parametrize(
    ("target", "x_shape"), [((2, 5), (3, 12)), ((5, -1), (3, 12)), ((1,), ())]
)
def test_refuses_another_number_of_entries(target, x_shape):
    message = r"Reshape expected `x` of shape \(n, \.\.\.\) with as many entries per "
    with pytest.raises(ValueError, match=message):
        Reshape(target).out_shape(x_shape)
    with pytest.raises(ValueError, match=message):
        Reshape(target).forward({}, np.zeros(x_shape), {})


def test_refuses_lengths_out_of_range():
    with pytest.raises(ValueError, match="Reshape expected `target_shape` >= 1, got 0"):
        Reshape((2, 0))
    with pytest.raises(TypeError, match="Reshape expected an integer `target_shape`"):
        Reshape((2.0, 3))
    message = r"Reshape expected at most one -1 in `target_shape`, got \(-1, 2, -1\)\."
    with pytest.raises(ValueError, match=message):
        Reshape((-1, 2, -1))
