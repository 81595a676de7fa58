import re

import numpy as np
import pytest
from scipy.special import xlogy
from scipy.stats import norm
from support.gradients import assert_directional

import varlayers as vl
from varlayers.dispatch import kernels_for
from varlayers.divergences import GENERATORS, FDivergence, MonteCarlo
from varlayers.posteriors import MeanFieldNormal, Point
from varlayers.priors import LogUniformPrior, NormalPrior, StudentTPrior
from varlayers.random import key
from varlayers.tree import map_leaves
from varlayers.types import Comparison

LOC, SCALE, P = np.array([0.5]), np.array([0.8]), norm(0, 1)
PARAMS = {"loc": LOC, "rho": np.log(np.expm1(SCALE))}
POSTERIOR = MeanFieldNormal(shift=0.0)
K = kernels_for(LOC)


def estimate(way, noise, params=PARAMS, prior=None, weight=0.0):
    q = POSTERIOR.constrain(K, params)
    pair = Comparison(POSTERIOR, prior or NormalPrior(), q, {}, 1, tuple(noise))
    return way(K, pair, weight, map_leaves(np.zeros_like, params))


every_generator = pytest.mark.parametrize("name", sorted(GENERATORS))


def test_integrals_are_the_closed_forms_of_two_normals():
    """So that the integrals may be trusted where there is no closed form."""
    m, s = LOC[0], SCALE[0]
    affinity = np.sqrt(2 * s / (1 + s**2)) * np.exp(-(m**2) / (4 * (1 + s**2)))
    assert exact("hellinger", PARAMS) == pytest.approx(1 - affinity, rel=1e-10)
    pearson = np.exp(m**2 / (2 - s**2)) / (s * np.sqrt(2 - s**2)) - 1
    assert exact("pearson", PARAMS) == pytest.approx(pearson, rel=1e-10)


NODES = np.linspace(-16, 16, 1001)[
    :, None
]  # of the noise: a sum over them is an integral
DENSITY = norm.pdf(NODES[:, 0]) * (NODES[1] - NODES[0])


@every_generator
def test_mean_of_the_estimates_is_the_divergence(name):
    way = FDivergence(name)
    values = np.array([estimate(way, [eps])[0] for eps in NODES])
    desired = exact(name, PARAMS)
    assert DENSITY @ values == pytest.approx(desired, abs=1e-4)
    assert desired > 0.02


@every_generator
def test_gradient_is_the_total_derivative(name):
    """At fixed noise, in a random direction, on several elements at once."""
    rng = np.random.default_rng(2)
    params = {"loc": 0.3 * rng.normal(size=4), "rho": rng.normal(size=4)}
    noise = rng.normal(size=(3, 4))

    def value(at):
        return estimate(FDivergence(name, 3), noise, at, StudentTPrior())[0]

    _, grads, _ = estimate(FDivergence(name, 3), noise, params, StudentTPrior(), 1.0)
    assert_directional(value, params, grads)


@every_generator
def test_mean_of_the_gradients_is_the_gradient_of_the_divergence(name):
    """The bend of the total variation included: it adds nothing."""
    way, h = FDivergence(name), 1e-3
    bend = 5e-3 if name == "total_variation" else 0  # a sum sees a step between nodes
    grads = [estimate(way, [eps], weight=1.0)[1] for eps in NODES]
    for part in PARAMS:
        ends = [exact(name, {**PARAMS, part: PARAMS[part] + d}) for d in (h, -h)]
        desired = (ends[0] - ends[1]) / (2 * h)
        mean = DENSITY @ np.array([grad[part][0] for grad in grads])
        assert mean == pytest.approx(desired, rel=1e-3, abs=bend)
        assert abs(desired) > 0.01


def exact(name, params):
    """Return the divergence as an integral over the weight, of q and p alone."""
    w = np.linspace(-14, 14, 40_001)
    q = norm(params["loc"], np.logaddexp(0, params["rho"])).pdf(w)
    p = P.pdf(w)
    of = {
        "hellinger": 0.5 * (np.sqrt(q) - np.sqrt(p)) ** 2,
        "jensen_shannon": 0.5 * (xlogy(q, 2 * q / (q + p)) + xlogy(p, 2 * p / (q + p))),
        "kl": xlogy(q, q / p),
        "neyman": (q - p) ** 2 / q,
        "pearson": (q - p) ** 2 / p,
        "reverse_kl": xlogy(p, p / q),
        "total_variation": 0.5 * np.abs(q - p),
    }
    return np.trapezoid(of[name], w)


@every_generator
def test_is_zero_at_the_prior(name):
    noise = np.random.default_rng(0).normal(size=(3, 2))
    params = {"loc": np.zeros(2), "rho": np.full(2, np.log(np.expm1(1.0)))}
    value, _, _ = estimate(FDivergence(name, 3), noise, params)
    assert value == pytest.approx(0, abs=1e-15)


def test_of_kl_is_monte_carlo():
    noise, prior = np.random.default_rng(0).normal(size=(3, 1)), StudentTPrior()
    one = estimate(FDivergence("kl", 3), noise, prior=prior, weight=0.7)
    other = estimate(MonteCarlo(3), noise, prior=prior, weight=0.7)
    assert one == other


def test_a_function_will_do():
    def square(k, t):
        return t * t, 2 * t

    layer = vl.Dense(3, 2, divergence=FDivergence(square, 2))
    params = layer.init(key(0))
    (root,) = {vl.Dense(3, 2, divergence=FDivergence("kl")).kl(params)["kernel"]}
    one = vl.Dense(3, 2, divergence=FDivergence(square))
    assert one.kl(params)["kernel"] == pytest.approx(root**2, rel=1e-12)
    assert layer.kl(params)["kernel"] > 0


def test_says_what_it_needs():
    way = FDivergence("hellinger")
    assert way.needs(MeanFieldNormal(), StudentTPrior()) is None
    assert way.needs(Point(), NormalPrior()) == "a posterior with a density"
    lacking = "a prior with a density"
    assert way.needs(MeanFieldNormal(), LogUniformPrior()) == lacking


@pytest.mark.parametrize(
    ("generator", "kind", "ending"),
    [
        ("chi", ValueError, "or a function, got 'chi'."),
        (3, TypeError, "or a function of the kernels and t, got 3."),
        (int, TypeError, "or a function of the kernels and t, got <class 'int'>."),
    ],
)
def test_refuses_other_generators(generator, kind, ending):
    message = r"FDivergence expected `generator` in \['hellinger', .*" + re.escape(
        ending
    )
    with pytest.raises(kind, match=message):
        FDivergence(generator)


def test_refuses_other_counts():
    message = r"FDivergence expected an integer `num_samples` >= 1, got 0\."
    with pytest.raises(ValueError, match=message):
        FDivergence("kl", 0)
