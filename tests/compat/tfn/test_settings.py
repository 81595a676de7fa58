"""Arguments of the face become those of a layer of varlayers."""

from dataclasses import asdict

import pytest

import varlayers as vl
from varlayers.compat import tfn
from varlayers.compat.tfn.settings import (
    Settings,
    activated,
    bilinear_settings,
    value_of,
    without_priors,
)
from varlayers.estimators import LocalReparameterization

LOCAL = LocalReparameterization()


def test_defaults_are_those_of_tfp():
    assert asdict(Settings()) == {
        "kernel_initializer": None,
        "bias_initializer": None,
        "make_posterior_fn": tfn.make_kernel_bias_posterior_mvn_diag,
        "make_prior_fn": tfn.make_kernel_bias_prior_spike_and_slab,
        "posterior_value_fn": "sample",
        "unpack_weights_fn": tfn.unpack_kernel_and_bias,
        "activation_fn": None,
        "divergence": "monte carlo",
    }


def test_settings_of_the_layer():
    made = bilinear_settings("Layer", Settings(), (3, 2), LOCAL, "float32")
    normal, _ = tfn.make_kernel_bias_posterior_mvn_diag((3, 2), (2,))
    assert made == {
        "estimator": LOCAL,
        "posterior": normal,
        "prior": vl.ScaleMixturePrior(),
        "bias": normal,
        "bias_prior": vl.ScaleMixturePrior(),
        "kernel_initializer": "glorot_uniform",
        "bias_initializer": "zeros",
        "divergence": "monte carlo",
    }


def test_bias_of_dependent_elements_is_shared_under_local():
    given = Settings(make_posterior_fn=lambda *_: ["normal", "radial"])
    made = bilinear_settings("Layer", given, (3, 2), LOCAL, "float32")
    assert made["estimator"] == LocalReparameterization(bias="shared")


def test_no_bias_has_no_prior():
    given = Settings(make_posterior_fn=lambda *_: ["normal"])
    made = bilinear_settings("Layer", given, (3, 2), LOCAL, "float32")
    assert made["bias"] is made["bias_prior"] is None


def test_activation():
    layer = vl.Dense(3, 2)
    assert activated("Layer", layer, None) is layer
    assert activated("Layer", layer, "relu").layers[1] == vl.Activation("relu")
    with pytest.raises(TypeError, match="Layer expected `activation_fn` with its der"):
        activated("Layer", layer, abs)


def test_posterior_value():
    assert value_of("Layer", "mean") == "mean"
    assert value_of("Layer", lambda d, **_: d.mean()) == "mean"
    assert value_of("Layer", lambda d, seed: d.sample(seed=seed)) == "sample"
    with pytest.raises(TypeError, match="Layer expected `posterior_value_fn` to be"):
        value_of("Layer", lambda *_, **seed: len(seed))


def test_no_priors():
    given = Settings(make_prior_fn=without_priors)
    made = bilinear_settings("Layer", given, (3, 2), LOCAL, "float32")
    assert made["prior"] is made["bias_prior"] is None
