"""What holds for every prior with a density."""

import copy
import pickle
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad
from support.gradients import AUTODIFF, assert_directional, assert_equal_trees, autodiff
from support.libraries import assert_same
from support.priors import DENSITIES, EVERY_PRIOR, PRIOR_EXAMPLES, SHAPE
from support.problems import compiled

import varlayers as vl
from varlayers.dispatch import kernels_for
from varlayers.tree import map_leaves

FAN_IN = 4
every_prior = pytest.mark.parametrize("prior", EVERY_PRIOR.values(), ids=EVERY_PRIOR)


def point(prior, seed=0):
    """Return random weights, and parameters away from where they start."""
    rng = np.random.default_rng(seed)
    start = prior.init(kernels_for(np.zeros(0)), np.zeros(0))
    moved = map_leaves(lambda p: p + 0.3 * rng.normal(size=p.shape), start)
    return {"w": 2 * rng.normal(size=SHAPE), "prior": moved}


def log_prob(prior, at):
    w = at["w"]
    return prior.log_prob(kernels_for(w), at["prior"], w, FAN_IN)


def gradient(prior, at):
    _, dw, dprior = log_prob(prior, at)
    return {"w": dw, "prior": dprior}


def test_every_prior_has_an_example():
    named = {type(prior).__name__ for prior in DENSITIES.values()}
    assert PRIOR_EXAMPLES.keys() == named
    for kind, examples in PRIOR_EXAMPLES.items():
        assert all(type(prior).__name__ == kind for prior in examples.values())


@every_prior
def test_gradient_in_a_random_direction(prior):
    at = point(prior)
    assert_directional(lambda p: log_prob(prior, p)[0], at, gradient(prior, at))


@pytest.mark.parametrize("engine", AUTODIFF)
@every_prior
def test_gradient_equals_that_of_autodiff(prior, engine):
    at = point(prior)
    desired = autodiff(engine, lambda _, p: log_prob(prior, p)[0], at)
    assert_equal_trees(gradient(prior, at), desired)


@every_prior
def test_log_prob_is_the_sum_of_log_density(prior):
    at = point(prior)
    k = kernels_for(at["w"])
    log_p, dw, dparams = prior.log_density(k, at["prior"], at["w"], FAN_IN)
    assert log_p.shape == dw.shape == SHAPE
    own = {"log_scales": (3,), "logits": (3,)}
    for part, d in dparams.items():
        assert d.shape == (*own.get(part, ()), *SHAPE)
    value, same, _ = log_prob(prior, at)
    assert value == np.sum(log_p)
    np.testing.assert_array_equal(same, dw)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@every_prior
def test_same_numbers_on_every_library(library, prior, dtype):
    at = map_leaves(np.dtype(dtype).type, point(prior))
    run = compiled(library, lambda at: log_prob(prior, at))
    tolerance = 1e-12 if dtype == "float64" else 4e-6
    assert_same(library, run(library.tree(at, dtype)), log_prob(prior, at), tolerance)


@every_prior
def test_init_is_what_the_prior_is_given(library, prior):
    like = library.asarray(np.zeros(0))
    made = prior.init(kernels_for(like), like)
    assert {name: tuple(a.shape) for name, a in made.items()} == prior.shapes
    w = library.asarray(point(prior)["w"])
    k = kernels_for(w)
    learned = prior.log_prob(k, made, w, FAN_IN)[0]
    fixed = prior.log_prob(k, {}, w, FAN_IN)[0]
    np.testing.assert_allclose(library.to_numpy(learned), library.to_numpy(fixed))


@pytest.mark.parametrize("name", DENSITIES)
def test_density_integrates_to_1(name):
    prior, k = DENSITIES[name], kernels_for(np.zeros(0))

    def density(w):
        return float(np.exp(prior.log_prob(k, {}, np.array([w]), 1)[0]))

    edges = [0, 1, 10, 1e2, 1e3, 1e4, np.inf]
    parts = [quad(density, *pair)[0] for pair in pairwise(edges)]
    assert 2 * sum(parts) == pytest.approx(1, abs=1e-7)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e3])
@pytest.mark.parametrize("name", DENSITIES)
def test_extremes_are_finite(name, scale, dtype):
    w = np.array([-1e6, -1.0, -1e-6, 0.0, 1e-30, 1.0, 1e6], dtype)
    prior = vl.rebuild(vl.describe(DENSITIES[name]))
    prior = type(prior)(0.0, scale, trainable=tuple(prior.learnable))
    k = kernels_for(w)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        log_p, dw, dparams = prior.log_density(k, prior.init(k, w), w, 1)
    for part in (log_p, dw, *dparams.values()):
        assert part.dtype == w.dtype
        assert np.all(np.isfinite(part))


@every_prior
def test_compares_hashes_and_copies_by_content(prior):
    again = vl.describe(prior)
    for same in (pickle.loads(pickle.dumps(prior)), copy.deepcopy(prior)):
        assert same == prior
        assert hash(same) == hash(prior)
    assert vl.rebuild(again) == prior
