from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm
from support.priors import DENSITIES

from varlayers.dispatch import kernels_for
from varlayers.divergences import Quadrature
from varlayers.divergences.quadrature import normal_nodes
from varlayers.posteriors import MeanFieldNormal, Point
from varlayers.priors import (
    HorseshoePrior,
    LaplacePrior,
    NormalPrior,
    ScaleMixturePrior,
    StudentTPrior,
    Unused,
)
from varlayers.types import Comparison

LOCS = np.array([-40.0, -3.0, -0.2, 0.0, 0.5, 1.7, 9.0])


def kl(prior, loc, scale, order=20, weight=0.0):
    """Return the divergence of N(loc, scale²), and weight * its gradient."""
    loc, scale = (np.atleast_1d(np.asarray(a, float)) for a in (loc, scale))
    q, k = (loc, scale, np.ones_like(loc)), kernels_for(loc)
    pair = Comparison(MeanFieldNormal(), prior, q, {}, 1)
    zeros = {"loc": np.zeros_like(loc), "rho": np.zeros_like(loc)}
    return Quadrature(order)(k, pair, weight, zeros)[:2]


def integral(prior, loc, scale):
    """Return the same by scipy, in pieces, so that it sees the prior's bends."""
    q, k = norm(loc, scale), kernels_for(np.zeros(1))

    def integrand(w):
        log_p, _, _ = prior.log_prob(k, {}, np.array([w]), 1)
        return q.pdf(w) * (q.logpdf(w) - log_p)

    bends = np.geomspace(1e-4, 1, 9)
    edges = np.linspace(loc - 10 * scale, loc + 10 * scale, 21)
    inner = np.clip([*-bends, 0.0, *bends], edges[0], edges[-1])
    edges = np.unique([*edges, *inner])
    return sum(quad(integrand, *pair)[0] for pair in pairwise(edges))


@pytest.mark.parametrize(
    ("prior", "scale", "error"),
    [
        (NormalPrior(0.3, 0.7), 5.0, 1e-10),
        (StudentTPrior(), 0.1, 1e-12),
        (StudentTPrior(), 1.0, 1e-6),
        (StudentTPrior(df=1), 1.0, 2e-4),
        (StudentTPrior(), 3.0, 1e-2),
        (ScaleMixturePrior(), 0.1, 1e-12),
        (ScaleMixturePrior(), 1.0, 1e-4),
        (ScaleMixturePrior(scales=(0.1, 1)), 0.1, 1e-4),
        (LaplacePrior(), 0.1, 2e-3),
        (LaplacePrior(), 1.0, 2e-2),
        (HorseshoePrior(), 0.1, 4.1e-2),
        (HorseshoePrior(), 1.0, 8e-2),
    ],
)
def test_error_of_the_default_order_is_as_documented(prior, scale, error):
    """In nats per weight, the largest over places of the posterior."""
    errors = [kl(prior, loc, scale)[0] - integral(prior, loc, scale) for loc in LOCS]
    assert np.max(np.abs(errors)) < error


def test_error_of_a_cusp_falls_with_the_order():
    exact = integral(LaplacePrior(), 0.0, 1.0)
    errors = [abs(kl(LaplacePrior(), 0, 1, n)[0] - exact) for n in (8, 32, 128)]
    assert errors[0] > 3 * errors[1] > 9 * errors[2]


@pytest.mark.parametrize("prior", DENSITIES.values(), ids=DENSITIES)
def test_is_not_negative(prior):
    for scale in (1e-3, 0.3, 1.0, 30.0):
        value, _ = kl(prior, LOCS, np.full_like(LOCS, scale), 64)
        assert value >= 0


def test_is_zero_where_posterior_equals_prior():
    value, gradient = kl(NormalPrior(0.3, 0.7), 0.3, 0.7, weight=1.0)
    assert value == pytest.approx(0, abs=1e-14)
    for grad in gradient.values():
        np.testing.assert_allclose(grad, 0, atol=1e-13)


@pytest.mark.parametrize("order", [1, 2, 5, 20, 64, 256])
def test_nodes_have_the_moments_of_a_normal(order):
    t, omega = np.array(normal_nodes(order)).T
    for power, moment in enumerate([1, 0, 1, 0, 3, 0, 15][: 2 * order]):
        assert np.sum(omega * t**power) == pytest.approx(moment, abs=1e-10)


def test_says_what_it_needs():
    way, normal = Quadrature(), MeanFieldNormal()
    assert way.needs(normal, StudentTPrior()) is None
    assert way.needs(Point(), StudentTPrior()) == "a posterior of normal elements"
    lacking = "a prior with a density for each weight"
    assert way.needs(normal, Unused(NormalPrior())) == lacking


@pytest.mark.parametrize("order", [0, -3, 257, 2.5])
def test_refuses_other_orders(order):
    message = f"Quadrature expected an integer `order` 1 to 256, got {order}"
    with pytest.raises(ValueError, match=message):
        Quadrature(order)
