import numpy as np

from varlayers.layers.noiseless import Noiseless, Parameterless, Reshaped
from varlayers.random import key


def test_has_neither_noise_nor_divergence():
    layer, dparams = Noiseless(), {"gain": np.ones(2)}
    assert layer.draw(key(0), (3, 2), np.zeros(0)) == {}
    assert layer.kl(dparams) == {}
    assert layer.weights(dparams) == {}
    assert layer.at_mean() is layer
    kls, total = layer.add_kl((), dparams, 2.0)
    assert (kls, total) == ({}, dparams)
    assert total is not dparams


def test_keeps_the_shape_of_its_input():
    assert Noiseless().out_shape([3, 2]) == (3, 2)


def test_parameterless_has_no_parameters():
    assert not Parameterless.has_parameters
    assert Parameterless().init(key(0)) == {}


def test_reshaped_goes_there_and_back():
    class Turned(Reshaped):
        def out_shape(self, x_shape):
            return x_shape[::-1]

    layer, x = Turned(), np.arange(6.0).reshape(2, 3)
    y, saved = layer.forward({}, x, {})
    np.testing.assert_array_equal(y, x.reshape(3, 2))
    np.testing.assert_array_equal(layer.backward(saved, y)[0], x)
    assert layer.backward(saved, y, input_gradient=False) == (None, {})
