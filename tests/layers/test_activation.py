import numpy as np
import pytest

from varlayers.activations import ACTIVATIONS
from varlayers.layers import Activation

X = np.random.default_rng(0).normal(size=(4, 3))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_name_is_the_function_that_it_names(name):
    named, given = Activation(name), Activation(ACTIVATIONS[name])
    y, saved = named.forward({}, X, {})
    np.testing.assert_array_equal(y, given.forward({}, X, {})[0])
    np.testing.assert_array_equal(
        named.backward(saved, X)[0], given.backward(saved, X)[0]
    )


def test_refuses_an_unknown_name():
    message = r"Activation expected `function` in \['elu', .*\], got 'swish'\."
    with pytest.raises(ValueError, match=message):
        Activation("swish")
