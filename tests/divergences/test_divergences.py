"""What holds for every registered divergence, and for the registry."""

import numpy as np
import pytest
from support.gradients import AUTODIFF, assert_directional, assert_equal_trees, autodiff
from support.libraries import assert_same
from support.problems import compiled, scatter

from varlayers.dispatch import kernels_for
from varlayers.divergences import DIVERGENCES, divergence_of
from varlayers.layers import Dense
from varlayers.posteriors import MeanFieldNormal, Point
from varlayers.priors import NormalPrior
from varlayers.random import key
from varlayers.tree import map_leaves

SHAPE = (3, 2)
PRIORS = {
    NormalPrior: {
        "numbers": NormalPrior(0.3, 0.7),
        "arrays": NormalPrior(np.array([0.3, -1.0]), np.array([[0.5], [1], [2]])),
        "full arrays": NormalPrior(np.full(SHAPE, 0.2), np.full(SHAPE, 1.5)),
        "width-scaled": NormalPrior(0.1, np.array([0.5, 2.0]), width_scaled=True),
    }
}
CASES = [
    pytest.param(posterior(), prior, id=f"{posterior.__name__}-{name}")
    for posterior, prior_type in DIVERGENCES
    for name, prior in PRIORS[prior_type].items()
]
every_pair = pytest.mark.parametrize(("posterior", "prior"), CASES)


def arguments(posterior):
    """Return random parameters, and a gradient to add to."""
    like, rng = np.zeros(SHAPE), np.random.default_rng(5)
    params = posterior.init(kernels_for(like), key(0), like, fan_in=3)
    return scatter(params, rng), scatter(params, rng)


def divergence(posterior, prior, params, weight=0.0, dparams=None):
    """Return the value and dparams + weight * gradient; overwrites dparams."""
    k = kernels_for(params["loc"])
    dparams = map_leaves(k.xp.zeros_like, params) if dparams is None else dparams
    given = prior.loc_and_scale(k, params["loc"], 3)
    q = posterior.constrain(k, params)
    return divergence_of(posterior, prior)(k, q, given, weight, dparams)


@every_pair
def test_gradient_in_a_random_direction(posterior, prior):
    params, _ = arguments(posterior)
    _, gradient = divergence(posterior, prior, params, 1.0)
    assert_directional(lambda p: divergence(posterior, prior, p)[0], params, gradient)


@pytest.mark.parametrize("engine", AUTODIFF)
@every_pair
def test_gradient_equals_that_of_autodiff(posterior, prior, engine):
    params, _ = arguments(posterior)
    desired = autodiff(engine, lambda _, p: divergence(posterior, prior, p)[0], params)
    _, gradient = divergence(posterior, prior, params, 1.0)
    assert_equal_trees(gradient, desired)


@every_pair
def test_adds_weight_times_the_gradient(posterior, prior):
    params, start = arguments(posterior)
    value, gradient = divergence(posterior, prior, params, 1.0)
    expected = map_leaves(lambda s, g: s - 0.37 * g, start, gradient)
    same_value, actual = divergence(posterior, prior, params, -0.37, start)
    assert_equal_trees(actual, expected, 1e-14)
    assert same_value == value


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@every_pair
def test_same_numbers_on_every_library(library, posterior, prior, dtype):
    params, start = (map_leaves(np.dtype(dtype).type, t) for t in arguments(posterior))
    run = compiled(library, lambda p, d: divergence(posterior, prior, p, 0.4, d))
    actual = run(library.tree(params, dtype), library.tree(start, dtype))
    desired = divergence(posterior, prior, params, 0.4, start)
    assert_same(library, actual, desired, 1e-12 if dtype == "float64" else 1e-6)


def test_unregistered_pair_is_refused():
    class MyPrior(NormalPrior):
        pass

    message = (
        "No divergence of Point from MyPrior is registered. "
        "Add one to varlayers.divergences.DIVERGENCES."
    )
    with pytest.raises(NotImplementedError, match=message):
        divergence_of(Point(), MyPrior())


def test_a_new_pair_joins_by_registration(monkeypatch):
    class MyPrior(NormalPrior):
        pass

    def mine(k, q, prior, weight, dparams):
        return k.xp.sum(q[0]), {**dparams, "loc": dparams["loc"] + weight}

    monkeypatch.setitem(DIVERGENCES, (MeanFieldNormal, MyPrior), mine)
    layer = Dense(3, 2, prior=MyPrior())
    params = layer.init(key(0))
    assert layer.kl(params)["kernel"] == np.sum(params["kernel"]["loc"])
