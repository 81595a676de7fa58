"""The default beliefs, constant by constant, and functions that make others."""

import math

import numpy as np
import pytest

import varlayers as vl
from varlayers.compat import tfn
from varlayers.compat.tfn.weights import KernelBias, parts_of
from varlayers.dispatch import kernels_for

TOLD = ((3, 3, 5, 8), (8,), "glorot_uniform", "zeros", 0, 0, "float32")


def test_posterior_has_the_constants_of_tfp():
    kernel, bias = tfn.make_kernel_bias_posterior_mvn_diag(*TOLD)
    loc, k = np.zeros((3, 3, 5, 8)), kernels_for(np.zeros(1))
    for posterior in (kernel, bias):
        params = posterior.init(k, vl.key(0), loc, fan_in=45)
        np.testing.assert_allclose(params["rho"], -6.91731, rtol=1e-6)
        np.testing.assert_allclose(posterior.constrain(k, params)[1], 1e-3, rtol=1e-12)
        assert posterior.shift == 1e-5


def test_prior_has_the_constants_of_tfp():
    kernel, bias = tfn.make_kernel_bias_prior_spike_and_slab(*TOLD)
    assert kernel == bias == vl.ScaleMixturePrior()
    assert (kernel.scales, kernel.probabilities) == ((1.0, 2000.0), (0.5, 0.5))
    w = np.zeros(1)
    log_p = kernel.log_prob(kernels_for(w), {}, w, 1)[0]
    assert float(log_p) == pytest.approx(-1.61159, abs=1e-5)
    assert math.sqrt(0.5 + 0.5 * 2000**2) == pytest.approx(1414.2, abs=0.1)


def test_unpacking():
    unpack = tfn.unpack_kernel_and_bias
    assert unpack({"kernel": 1}) == (1, None)
    assert unpack({"kernel": 1, "bias": 2}) == unpack([1, 2]) == (1, 2)
    assert unpack([1]) == (1, None)
    with pytest.raises(ValueError, match="expected a kernel and perhaps a bias, got 3"):
        unpack([1, 2, 3])


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        ("radial", KernelBias(vl.Radial(), vl.Radial())),
        (vl.Radial(), KernelBias(vl.Radial(), vl.Radial())),
        (lambda *told: vl.Radial() if told == TOLD else None, (vl.Radial(),) * 2),
        (lambda *_: {"kernel": "radial"}, KernelBias(vl.Radial(), None)),
        (lambda *_: [vl.Radial(), "point"], KernelBias(vl.Radial(), vl.Point())),
        (tfn.make_kernel_bias, KernelBias(vl.Point(), vl.Point())),
    ],
)
def test_posteriors_are_made(made, expected):
    unpack = tfn.unpack_kernel_and_bias
    assert parts_of("Layer", "posterior", made, TOLD, unpack) == expected


@pytest.mark.parametrize("made", [3.0, lambda *_: [3.0], lambda *_: [None, "point"]])
def test_what_is_no_posterior_is_refused(made):
    with pytest.raises(TypeError, match="expected `make_posterior_fn` to be a post"):
        parts_of("Layer", "posterior", made, TOLD, tfn.unpack_kernel_and_bias)
