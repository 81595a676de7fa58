"""What holds for every posterior of the registry."""

import numpy as np
import pytest
from support.gradients import AUTODIFF, assert_directional, assert_equal_trees, autodiff
from support.libraries import assert_same
from support.problems import scatter

from varlayers.dispatch import kernels_for
from varlayers.posteriors import POSTERIORS, MeanFieldNormal, MeanOf
from varlayers.random import key

SHAPE = (3, 2)
EVERY = POSTERIORS | {
    "normal, no shift": MeanFieldNormal(shift=0.0),
    "normal, wide shift": MeanFieldNormal(shift=0.3, initial_scale=2.0),
    "mean of normal": MeanOf(MeanFieldNormal()),
}
RANDOM = {name: p for name, p in EVERY.items() if not p.deterministic}

# What an estimator takes from q, and the method that goes back from it.
FORWARD = {
    "sample": lambda p, k, q, eps: (p.sample(k, q, eps),),
    "moments": lambda p, k, q, _: p.moments(k, q),
    "perturb": lambda p, k, q, eps: p.perturb(k, q, eps),
}
BACKWARD = {
    "sample": lambda p, k, q, eps, up: p.sample_backward(k, q, eps, up[0]),
    "moments": lambda p, k, q, _, up: p.moments_backward(k, q, *up),
    "perturb": lambda p, k, q, eps, up: p.perturb_backward(k, q, eps, *up),
}

every_posterior = pytest.mark.parametrize("posterior", EVERY.values(), ids=EVERY)
random_posterior = pytest.mark.parametrize("posterior", RANDOM.values(), ids=RANDOM)
every_route = pytest.mark.parametrize("route", FORWARD)


def arguments(posterior):
    """Return parameters away from their start, noise, and gradients from above."""
    like, rng = np.zeros(SHAPE), np.random.default_rng(3)
    params = scatter(posterior.init(kernels_for(like), key(0), like, fan_in=3), rng)
    eps, *up = rng.normal(size=(3, *SHAPE))
    return params, eps, tuple(up)


def value(posterior, route, params, eps, up):
    k = kernels_for(eps)
    parts = FORWARD[route](posterior, k, posterior.constrain(k, params), eps)
    return sum((part * u).sum() for part, u in zip(parts, up, strict=False))


def gradient(posterior, route, params, eps, up):
    k = kernels_for(eps)
    return BACKWARD[route](posterior, k, posterior.constrain(k, params), eps, up)


@every_route
@random_posterior
def test_gradient_in_a_random_direction(posterior, route):
    params, eps, up = arguments(posterior)
    assert_directional(
        lambda p: value(posterior, route, p, eps, up),
        params,
        gradient(posterior, route, params, eps, up),
    )


@pytest.mark.parametrize("engine", AUTODIFF)
@every_route
@random_posterior
def test_gradient_equals_that_of_autodiff(posterior, route, engine):
    params, *rest = arguments(posterior)

    def on_engine(library, p):
        moved = library.asarray(rest[0]), tuple(map(library.asarray, rest[1]))
        return value(posterior, route, p, *moved)

    desired = autodiff(engine, on_engine, params)
    assert_equal_trees(gradient(posterior, route, params, *rest), desired)


@every_posterior
def test_gradient_by_the_mean(posterior):
    params, eps, up = arguments(posterior)
    k = kernels_for(eps)
    assert_directional(
        lambda p: (posterior.mean(k, p) * up[0]).sum(),
        params,
        posterior.mean_backward(k, up[0]),
    )


@every_route
@random_posterior
def test_same_numbers_on_every_library(library, posterior, route):
    params, eps, up = arguments(posterior)
    moved = library.tree(params), library.asarray(eps), tuple(map(library.asarray, up))
    actual = gradient(posterior, route, *moved)
    assert_same(library, actual, gradient(posterior, route, params, eps, up), 1e-12)


@every_posterior
def test_starts_at_the_same_place_on_every_library(library, posterior):
    loc = np.random.default_rng(0).normal(size=SHAPE)
    on_numpy, on_library = (
        posterior.init(kernels_for(like), key(0), like, fan_in=5)
        for like in (loc, library.asarray(loc))
    )
    assert_same(library, on_library, on_numpy, 1e-12)
    k = kernels_for(library.asarray(loc))
    assert_same(library, posterior.mean(k, on_library), loc, 0)
    assert len(posterior.constrain(k, on_library)) == posterior.size


@every_posterior
def test_names_are_those_of_its_parameters_and_gradients(posterior):
    params, eps, up = arguments(posterior)
    assert tuple(params) == posterior.names
    assert tuple(posterior.mean_backward(kernels_for(eps), up[0])) == posterior.names
    assert all(array.shape == SHAPE for array in params.values())


@random_posterior
def test_views_agree(posterior):
    """A sample is mean plus perturbation; moments are those of samples."""
    params, eps, _ = arguments(posterior)
    k = kernels_for(eps)
    q = posterior.constrain(k, params)
    mean, delta = posterior.perturb(k, q, eps)
    np.testing.assert_allclose(posterior.sample(k, q, eps), mean + delta, rtol=1e-13)
    np.testing.assert_allclose(posterior.mean(k, params), mean, rtol=1e-13)
    np.testing.assert_allclose(posterior.moments(k, q)[0], mean, rtol=1e-13)
