import numpy as np
import pytest

from varlayers.layers import Flatten


@pytest.mark.parametrize(
    ("x_shape", "shape"),
    [((4, 2, 3), (4, 6)), ((4,), (4, 1)), ((0, 2, 3), (0, 6)), ((4, 0), (4, 0))],
)
def test_joins_every_axis_but_the_first(x_shape, shape):
    x = np.arange(np.prod(x_shape), dtype=np.float64).reshape(x_shape)
    y, saved = Flatten().forward({}, x, {})
    np.testing.assert_array_equal(y, x.reshape(shape))
    np.testing.assert_array_equal(Flatten().backward(saved, y)[0], x)
    assert Flatten().out_shape(x_shape) == shape


def test_refuses_a_number():
    message = r"Flatten expected `x` with at least one axis, got shape \(\)\."
    with pytest.raises(ValueError, match=message):
        Flatten().out_shape(())
    with pytest.raises(ValueError, match=message):
        Flatten().forward({}, np.array(1.0), {})
