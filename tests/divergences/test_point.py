import numpy as np
import pytest
from scipy.stats import norm, t

from varlayers.dispatch import kernels_for
from varlayers.divergences.point import neg_log_prior
from varlayers.posteriors import Point
from varlayers.priors import NormalPrior, StudentTPrior
from varlayers.types import Comparison

LOC = np.random.default_rng(0).normal(size=(3, 2))


def map_of(prior, loc=LOC):
    pair = Comparison(Point(), prior, (loc,), {}, 1)
    return neg_log_prior(kernels_for(loc), pair, 1.0, {"loc": np.zeros_like(loc)})


@pytest.mark.parametrize(
    ("prior", "oracle"),
    [
        (NormalPrior([0.3, -0.2], [0.5, 2.0]), norm([0.3, -0.2], [0.5, 2.0])),
        (StudentTPrior(0.3, 2, df=4), t(4, 0.3, 2)),
    ],
)
def test_value_is_minus_the_log_density(prior, oracle):
    np.testing.assert_allclose(map_of(prior)[0], -oracle.logpdf(LOC).sum(), rtol=1e-13)


def test_counts_every_element_of_a_number_prior():
    value, _, _ = map_of(NormalPrior(0, 2), 0 * LOC)
    np.testing.assert_allclose(value, -6 * norm(0, 2).logpdf(0), rtol=1e-14)


def test_gradient_is_zero_at_the_mode():
    _, gradient, _ = map_of(NormalPrior(0.7, 2), np.full((3, 2), 0.7))
    np.testing.assert_array_equal(gradient["loc"], np.zeros((3, 2)))
