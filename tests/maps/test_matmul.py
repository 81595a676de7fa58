import numpy as np
import pytest

from varlayers.dispatch import kernels_for
from varlayers.maps import MATMUL


@pytest.mark.parametrize("leading", [(), (5,), (0,), (2, 4), (2, 1, 4)])
def test_is_a_matrix_product_over_the_last_axis(leading):
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(*leading, 3)), rng.normal(size=(3, 2))
    y = MATMUL.apply(kernels_for(x), x, w)
    np.testing.assert_allclose(y, np.einsum("...i,io->...o", x, w), rtol=1e-14)


@pytest.mark.parametrize(
    ("x_shape", "signs_in", "signs_out"),
    [
        ((3,), (3,), (2,)),
        ((5, 3), (5, 3), (5, 2)),
        ((5, 4, 3), (5, 1, 3), (5, 1, 2)),
        ((0, 4, 6, 3), (0, 1, 1, 3), (0, 1, 1, 2)),
    ],
)
def test_signs_are_constant_over_positions(x_shape, signs_in, signs_out):
    y_shape = MATMUL.out_shape(x_shape, (3, 2))
    assert MATMUL.sign_shapes(x_shape, y_shape) == (signs_in, signs_out)


@pytest.mark.parametrize("x_shape", [(), (2,), (3, 2), (3, 0)])
def test_refuses_other_features(x_shape):
    message = rf"Expected `x` of shape \(\.\.\., 3\), got \({str(x_shape)[1:-1]}\)\."
    with pytest.raises(ValueError, match=message):
        MATMUL.out_shape(x_shape, (3, 2))
