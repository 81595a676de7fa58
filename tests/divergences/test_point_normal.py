import numpy as np
from scipy.stats import norm

from varlayers.dispatch import kernels_for
from varlayers.divergences.point_normal import neg_log_prior_point_normal


def test_value_is_minus_the_log_density():
    loc = np.random.default_rng(0).normal(size=(3, 2))
    prior = np.array([0.3, -0.2]), np.array([0.5, 2.0])
    zeros = {"loc": np.zeros_like(loc)}
    value, _ = neg_log_prior_point_normal(kernels_for(loc), (loc,), prior, 1.0, zeros)
    np.testing.assert_allclose(value, -norm(*prior).logpdf(loc).sum(), rtol=1e-14)


def test_counts_every_element_of_a_number_prior():
    loc = np.zeros((3, 2))
    zeros = {"loc": np.zeros_like(loc)}
    value, _ = neg_log_prior_point_normal(kernels_for(loc), (loc,), (0, 2), 1.0, zeros)
    np.testing.assert_allclose(value, -6 * norm(0, 2).logpdf(0), rtol=1e-14)


def test_gradient_is_zero_at_the_mode():
    loc = np.full((3, 2), 0.7)
    zeros = {"loc": np.zeros_like(loc)}
    _, gradient = neg_log_prior_point_normal(
        kernels_for(loc), (loc,), (0.7, 2), 1.0, zeros
    )
    np.testing.assert_array_equal(gradient["loc"], np.zeros_like(loc))
