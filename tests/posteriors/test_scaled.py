import numpy as np
import pytest
from scipy.stats import norm
from support.libraries import assert_same

from varlayers.dispatch import kernels_for
from varlayers.posteriors import (
    FullCovarianceNormal,
    MeanFieldNormal,
)
from varlayers.posteriors.scaled import Scaled

SCALED = [MeanFieldNormal, FullCovarianceNormal]
LIKE = np.zeros((3, 2))


@pytest.mark.parametrize("posterior", SCALED)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"initial_scale": 0}, r"`initial_scale` > 0, got 0\. For fixed weights use"),
        ({"shift": -1e-3}, r"`shift` >= 0, got -0\.001\."),
    ],
)
def test_refuses_arguments_out_of_range(posterior, arguments, message):
    with pytest.raises(ValueError, match=f"^{posterior.__name__} expected {message}"):
        posterior(**arguments)


@pytest.mark.parametrize("value", [0, 2.0, True])
def test_refuses_a_count_that_is_none(value):
    message = rf"expected an integer `max_size` >= 1, got {value}\."
    with pytest.raises(ValueError, match=message):
        FullCovarianceNormal(max_size=value)


def test_cannot_be_made_itself():
    with pytest.raises(TypeError, match="abstract"):
        Scaled()


@pytest.mark.parametrize("scale", [1e-4, 0.3, 20.0])
def test_rho_of_a_scale(scale):
    posterior = MeanFieldNormal(shift=1e-5)
    rho = np.array([posterior.rho(scale, 3)])
    actual, _ = kernels_for(rho).scale_normal(rho, 1e-5)
    np.testing.assert_allclose(actual, scale, rtol=1e-12)


def test_logarithms_of_scales_and_their_limit_at_zero(library):
    scale, slope = np.array([2.0, 0.0, 1e-30]), np.array([0.5, 0.0, 1e-30])
    moved = library.asarray(scale), library.asarray(slope)
    total, ratio = MeanFieldNormal().log_scales(kernels_for(moved[0]), *moved)
    assert float(total) == -np.inf
    assert_same(library, ratio, np.array([0.25, 1.0, 1.0]), 1e-14)


def test_density_is_that_of_the_noise_over_the_stretch():
    posterior, rng = MeanFieldNormal(), np.random.default_rng(0)
    loc, rho, eps = rng.normal(size=(3, 4))
    k = kernels_for(loc)
    q = posterior.constrain(k, {"loc": loc, "rho": rho})
    actual, _ = posterior.log_density_at(k, q, eps)
    desired = norm(loc, q[1]).logpdf(loc + q[1] * eps).sum()
    assert actual == pytest.approx(desired, rel=1e-13)


def test_zeros_have_the_shapes_dtype_and_device(library):
    loc = library.asarray(LIKE, "float32")
    zeros = FullCovarianceNormal().zeros(kernels_for(loc), loc)
    shapes = {"loc": (3, 2), "rho": (3, 2), "lower": (6, 6)}
    desired = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    assert_same(library, zeros, desired, 0)
    assert all(zero.device == loc.device for zero in zeros.values())
