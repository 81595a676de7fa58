"""What the dense layers and the convolutions share."""

import inspect

import numpy as np
import pytest

from varlayers.compat import tfn
from varlayers.compat.tfn.bilinear import BilinearLayer, KernelBiasLayer

# The arguments of tfp.experimental.nn, in its order; TFP 0.25.
DENSE = ("input_size", "output_size")
SLID = (*DENSE, "filter_shape", "rank", "strides", "padding", "dilations")
INITIAL = ("kernel_initializer", "bias_initializer")
POINTS = {*INITIAL, "make_kernel_bias_fn", "dtype", "activation_fn", "name"}
VARIATIONAL = {
    *(*INITIAL, "make_posterior_fn", "make_prior_fn", "posterior_value_fn"),
    *("unpack_weights_fn", "dtype", "activation_fn", "seed", "validate_args", "name"),
}
VALUES = {
    **dict.fromkeys(INITIAL, "he_normal"),
    **dict.fromkeys(("make_kernel_bias_fn", "make_posterior_fn"), "point"),
    "make_prior_fn": lambda *_: (None, None),
    "posterior_value_fn": lambda d, seed: d.sample(seed=seed),
    "unpack_weights_fn": tfn.unpack_kernel_and_bias,
    "dtype": "float64",
    "activation_fn": "relu",
    "seed": 3,
    "validate_args": True,
    "name": "a",
    "index_dtype": "int32",
    "batch_shape": (),
    "output_padding": None,
    "method": "auto",
}
LAYERS = [
    name
    for name in tfn.__all__
    if inspect.isclass(getattr(tfn, name))
    and issubclass(getattr(tfn, name), BilinearLayer)
]


@pytest.mark.parametrize("name", LAYERS)
def test_every_argument_of_tfp_is_taken(name):
    kind = getattr(tfn, name)
    order, sizes = (SLID, (3, 2, 1)) if "Conv" in name else (DENSE, (3, 2))
    assert tuple(inspect.signature(kind).parameters)[: len(order)] == order
    points = issubclass(kind, KernelBiasLayer)
    names = POINTS if points else VARIATIONAL
    if points and "Transpose" not in name:
        names = names | {"batch_shape"}
    if "Conv" in name:
        names = names | {"validate_args"}
    if "Transpose" in name or "V2" in name:
        names = names | {"index_dtype"}
    if "Transpose" in name:
        names = names | {"output_padding", "method"}
    layer = kind(*sizes, **{name: VALUES[name] for name in names})
    assert (layer.name, layer.dtype, layer.activation_fn) == ("a", "float64", "relu")
    if not points:
        assert layer.posterior_value_fn is VALUES["posterior_value_fn"]
        assert layer.unpack_weights_fn is tfn.unpack_kernel_and_bias


def test_kernel_and_bias_of_points():
    layer = tfn.Affine(3, 2, bias_initializer=tfn.initializers.he_normal(), seed=0)
    x = np.eye(3, dtype=np.float32)
    np.testing.assert_array_equal(layer(x), layer.kernel + layer.bias)
    assert np.all(layer.bias != 0)
    assert tfn.Affine(3, 2, batch_shape=None).kernel.shape == (3, 2)


def test_sizes_and_names_are_checked():
    for kind in (tfn.Affine, tfn.AffineVariationalFlipout):
        with pytest.raises(ValueError, match=f"{kind.__name__} expected `input_size`"):
            kind(0, 2)
        with pytest.raises(ValueError, match=f"{kind.__name__} expected `output_size`"):
            kind(3, 0)
        with pytest.raises(TypeError, match=f"{kind.__name__} expected arguments it "):
            kind(3, 2, units=3)
