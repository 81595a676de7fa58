"""The settings that the functions of a layer come to."""

from dataclasses import replace

import pytest

import varlayers as vl
from varlayers.activations import ACTIVATIONS
from varlayers.compat import tfl
from varlayers.compat.tfl.functions import RandomNormal
from varlayers.compat.tfl.settling import WeightFunctions, activation_layer, settle

DEFAULT = WeightFunctions()


def test_defaults_are_those_of_tfp():
    settings, raw_scales = settle("Layer", DEFAULT, "float32", True)
    assert settings == {
        "posterior": vl.MeanFieldNormal(shift=2.0**-23),
        "prior": vl.NormalPrior(0.0, 1.0),
        "kernel_initializer": RandomNormal(0.0, 0.1),
        "bias": vl.Point(),
        "bias_prior": None,
        "bias_initializer": RandomNormal(0.0, 0.1),
        "divergence": None,
        "divergence_weight": 1.0,
    }
    assert raw_scales == {"kernel": RandomNormal(-3.0, 0.1)}


def test_no_divergence_means_no_prior():
    given = replace(DEFAULT, kernel_divergence_fn=None, bias_posterior_fn=None)
    settings, _ = settle("Layer", given, "float32", True)
    assert settings["prior"] is None
    assert settings["bias"] is None


def test_kernel_without_posterior_is_refused():
    given = replace(DEFAULT, kernel_posterior_fn=None)
    with pytest.raises(TypeError, match="`kernel_posterior_fn` to be a posterior"):
        settle("Layer", given, "float32", True)


def test_two_divergences_are_refused():
    given = replace(
        DEFAULT,
        bias_prior_fn="normal",
        kernel_divergence_fn=lambda q, p, _: tfl.kl_divergence(q, p) / 10,
    )
    with pytest.raises(ValueError, match="expected one divergence for kernel and"):
        settle("Layer", given, "float32", True)


def test_activations_by_the_names_of_keras():
    assert activation_layer("Layer", None) is activation_layer("Layer", "linear")
    assert activation_layer("Layer", "swish") == vl.Activation("silu")
    pair = ACTIVATIONS["elu"]
    assert activation_layer("Layer", pair) == vl.Activation(pair)
    with pytest.raises(ValueError, match="Layer expected `activation` in"):
        activation_layer("Layer", "softmax")
