"""The initializers are those of the library, by TFP's variances."""

import numpy as np
import pytest

import varlayers as vl
from varlayers.compat import tfn
from varlayers.compat.tfn import initializers
from varlayers.dispatch import kernels_for


@pytest.mark.parametrize(
    ("name", "variance"),
    [
        ("glorot_uniform", 2 / 300),
        ("glorot_normal", 2 / 300),
        ("he_uniform", 2 / 100),
        ("he_normal", 2 / 100),
    ],
)
def test_variances(name, variance):
    x = np.zeros(0)
    draw = getattr(initializers, name)()
    values = draw(kernels_for(x), vl.key(0), (300, 300), x, (100, 200))
    assert np.var(values) == pytest.approx(variance, rel=0.02)


def test_seed_makes_two_layers_start_alike():
    make, names = initializers.glorot_normal, ("a", "b")
    one, other = (tfn.Affine(3, 2, name=n, kernel_initializer=make(7)) for n in names)
    np.testing.assert_array_equal(one.kernel, other.kernel)
    one, other = (tfn.Affine(3, 2, name=n, kernel_initializer=make()) for n in names)
    assert np.all(one.kernel != other.kernel)
