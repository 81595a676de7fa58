import numpy as np
import pytest
from support.oracles import assert_equals_function, channels_second

import varlayers as vl

X = np.random.default_rng(0).normal(size=(3, 7, 9, 2))
SETTINGS = {
    "plain": (2, 2, 0),
    "overlapping": (3, 1, 1),
    "with gaps": (2, 3, 1),
    "each axis its own": ((3, 2), (2, 1), (1, 0)),
}


@pytest.mark.parametrize("count_padding", [True, False])
@pytest.mark.parametrize("name", SETTINGS)
def test_equals_torch(name, count_padding):
    functional = pytest.importorskip("torch").nn.functional
    shape, strides, pads = SETTINGS[name]
    layer = vl.AveragePool(
        *(shape,), rank=2, strides=strides, padding=pads, count_padding=count_padding
    )
    function = channels_second(
        functional.avg_pool2d, shape, strides, pads, count_include_pad=count_padding
    )
    assert_equals_function("torch", layer, function, X)


@pytest.mark.parametrize("dilation", [1, 2])
def test_equals_jax(dilation):
    jax = pytest.importorskip("jax")
    layer = vl.AveragePool((3, 2), strides=2, padding="same", dilations=dilation)

    def sums(x):
        return jax.lax.reduce_window(
            *(x, 0.0, jax.lax.add, (1, 3, 2, 1), (1, 2, 2, 1), "SAME"),
            window_dilation=(1, dilation, dilation, 1),
        )

    def function(x):
        return sums(x) / sums(jax.numpy.ones_like(x))

    assert_equals_function("jax", layer, function, X)


def test_a_constant_stays_constant_unless_padding_counts(library):
    x = library.asarray(np.full((2, 5, 5, 1), 3.0))
    y, _ = vl.AveragePool(3, strides=2, padding="same").forward({}, x, {})
    np.testing.assert_array_equal(library.to_numpy(y), np.full((2, 3, 3, 1), 3.0))
    counted = vl.AveragePool(3, strides=2, padding="same", count_padding=True)
    y, _ = counted.forward({}, x, {})
    expected = np.multiply.outer([2, 3, 2], [2, 3, 2]) / 3
    np.testing.assert_allclose(
        library.to_numpy(y)[0, :, :, 0], expected, rtol=1e-15, atol=0
    )
