import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm, t

import varlayers as vl
from varlayers.dispatch import kernels_for
from varlayers.divergences import Quadrature, Renyi
from varlayers.posteriors import FullCovarianceNormal, MeanFieldNormal, Point
from varlayers.priors import LogUniformPrior, NormalPrior, StudentTPrior
from varlayers.types import Comparison

LOC, SCALE = np.array([-2.0, 0.1, 0.5]), np.array([0.05, 0.4, 1.5])


def divergence(way, prior, loc=LOC, scale=SCALE, weight=0.0):
    q = (loc, scale, np.ones_like(loc))
    pair = Comparison(MeanFieldNormal(), prior, q, {}, 1)
    zeros = {"loc": np.zeros_like(loc), "rho": np.zeros_like(loc)}
    return way(kernels_for(loc), pair, weight, zeros)[:2]


@pytest.mark.parametrize("alpha", [0.2, 0.5, 0.95])
def test_value_is_the_closed_form_of_two_normals(alpha):
    loc_p, scale_p = 0.3, 0.7
    mixed = alpha * scale_p**2 + (1 - alpha) * SCALE**2
    expected = (
        np.log(scale_p / SCALE)
        + 0.5 / (alpha - 1) * np.log(scale_p**2 / mixed)
        + 0.5 * alpha * (LOC - loc_p) ** 2 / mixed
    )
    value, _ = divergence(Renyi(alpha, 200), NormalPrior(loc_p, scale_p))
    assert value == pytest.approx(expected.sum(), rel=1e-6)


def test_value_is_the_integral():
    def exact(loc, scale):
        q, p = norm(loc, scale), t(3)

        def integrand(w):
            return np.exp(0.3 * q.logpdf(w) + 0.7 * p.logpdf(w))

        edges = loc + scale * np.linspace(-20, 20, 41)
        parts = [quad(integrand, *edges[i : i + 2])[0] for i in range(40)]
        return np.log(sum(parts)) / (0.3 - 1)

    expected = sum(exact(*pair) for pair in zip(LOC, SCALE, strict=True))
    for order, error in ((20, 1e-2), (64, 1e-3), (200, 1e-5)):
        value, _ = divergence(Renyi(0.3, order), StudentTPrior())
        assert value == pytest.approx(expected, abs=error)


def test_near_1_it_is_the_kl_divergence():
    value, grads = divergence(Renyi(1 - 1e-6), StudentTPrior(), weight=1.0)
    kl, desired = divergence(Quadrature(), StudentTPrior(), weight=1.0)
    assert value == pytest.approx(kl, rel=1e-4)
    for name, grad in grads.items():
        np.testing.assert_allclose(grad, desired[name], rtol=1e-4, atol=1e-5)


def test_is_zero_where_posterior_equals_prior_and_rises_with_alpha():
    prior = NormalPrior(0.3, 0.7)
    same, grads = divergence(
        Renyi(order=64), prior, np.array([0.3]), np.array([0.7]), 1.0
    )
    assert same == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose([*grads["loc"], *grads["rho"]], 0, atol=1e-7)
    values = [divergence(Renyi(a, 64), prior)[0] for a in (0.1, 0.5, 0.9)]
    assert 0 < values[0] < values[1] < values[2]
    assert values[2] < divergence(Quadrature(64), prior)[0]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_extremes_are_finite(dtype):
    loc = np.array([-1e6, 0.0, 1.0, 1e6], dtype)
    for scale in (1e-6, 1.0, 1e3):
        for prior_scale in (1e-3, 1e3):
            prior = StudentTPrior(scale=prior_scale)
            with np.errstate(over="raise", invalid="raise", divide="raise"):
                value, grads = divergence(
                    Renyi(), prior, loc, np.full_like(loc, scale), 1.0
                )
            assert value.dtype == loc.dtype
            assert np.all(np.isfinite([value, *grads["loc"], *grads["rho"]]))


def test_says_what_it_needs():
    way = Renyi()
    assert way.needs(MeanFieldNormal(), StudentTPrior()) is None
    for posterior in (Point(), FullCovarianceNormal()):
        lacking = "a posterior of independent normals"
        assert way.needs(posterior, StudentTPrior()) == lacking
    assert "density" in way.needs(MeanFieldNormal(), LogUniformPrior())
    assert vl.Dense(3, 2, divergence=way).divergences == {"kernel": way}


@pytest.mark.parametrize("alpha", [0.0, 1.0, -1.0, 2.0, np.nan])
def test_refuses_other_alphas(alpha):
    with pytest.raises(
        ValueError, match=rf"Renyi expected `alpha` in \(0, 1\), got {alpha}"
    ):
        Renyi(alpha)
    with pytest.raises(ValueError, match="expected an integer `order`"):
        Renyi(0.5, 0)
