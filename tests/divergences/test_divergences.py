"""What holds for every divergence that there is, and for the choice between them."""

import numpy as np
import pytest
from support.gradients import AUTODIFF, assert_directional, assert_equal_trees, autodiff
from support.libraries import assert_same
from support.priors import EVERY_PRIOR, SHAPE
from support.problems import compiled, scatter

import varlayers as vl
from varlayers.dispatch import kernels_for
from varlayers.divergences import (
    CLOSED_FORMS,
    DIVERGENCES,
    ClosedForm,
    FDivergence,
    MonteCarlo,
    Quadrature,
    Renyi,
    divergence_of,
)
from varlayers.layers import Dense
from varlayers.posteriors import POSTERIORS, MeanFieldNormal, MeanOf, Point
from varlayers.priors import LogUniformPrior, NormalPrior, StudentTPrior, Unused
from varlayers.random import key
from varlayers.tree import map_leaves
from varlayers.types import Comparison

WAYS = (
    *(ClosedForm(), Quadrature(8), MonteCarlo(2), Renyi(0.9, 6)),
    FDivergence("jensen_shannon", 2),
)
ALL_PRIORS = {**EVERY_PRIOR, "log-uniform": LogUniformPrior()}
BELIEFS = {**POSTERIORS, "mean of normal": MeanOf(MeanFieldNormal())}
FEW = ("NormalPrior learned", "StudentTPrior learned")  # for most posteriors
MORE = {  # of their own, in closed form
    "laplace": ("LaplacePrior learned",),
    "multiplicative normal": ("log-uniform",),
}


def is_run(way, name, kind):
    """Return whether a pair is one of the grid's cells."""
    if isinstance(way, FDivergence):  # its samples are those of MonteCarlo
        return name in ("normal", "laplace", "radial") and kind == FEW[0]
    own = isinstance(way, ClosedForm) and kind in MORE.get(name, ())
    return name in ("normal", "point") or kind in FEW or own


CASES = [
    pytest.param(way, posterior, prior, id=f"{type(way).__name__}-{name}-{kind}")
    for way in WAYS
    for name, posterior in BELIEFS.items()
    for kind, prior in ALL_PRIORS.items()
    if way.needs(posterior, prior) is None and is_run(way, name, kind)
]
every_pair = pytest.mark.parametrize(("way", "posterior", "prior"), CASES)


def arguments(way, posterior, prior):
    """Return random parameters and noise, and a gradient to add to."""
    like, rng = np.zeros(SHAPE), np.random.default_rng(5)
    k = kernels_for(like)
    params = scatter(posterior.init(k, key(0), like, fan_in=3), rng)
    noise = {}
    for sample in range(getattr(way, "num_samples", 0)):
        shape = posterior.noise_shape(SHAPE)
        noise[str(sample)] = posterior.draw(k, key(sample), shape, like)
    learned = map_leaves(
        lambda p: p + 0.3 * rng.normal(size=p.shape), prior.init(k, like)
    )
    return {"q": params, "prior": learned}, noise, scatter(params, rng)


def divergence(way, posterior, prior, at, noise, weight=0.0, dparams=None):
    """Return the value and dparams + weight * gradient; overwrites dparams."""
    k = kernels_for(at["q"]["loc"])
    dparams = map_leaves(k.xp.zeros_like, at["q"]) if dparams is None else dparams
    q = posterior.constrain(k, at["q"])
    pair = Comparison(posterior, prior, q, at["prior"], 3, tuple(noise.values()))
    value, dq, dprior = way(k, pair, weight, dparams)
    return value, {"q": dq, "prior": dprior}


@every_pair
def test_gradient_in_a_random_direction(way, posterior, prior):
    at, noise, _ = arguments(way, posterior, prior)
    _, gradient = divergence(way, posterior, prior, at, noise, 1.0)
    assert_directional(
        lambda p: divergence(way, posterior, prior, p, noise)[0], at, gradient
    )


@pytest.mark.parametrize("engine", AUTODIFF)
@every_pair
def test_gradient_equals_that_of_autodiff(way, posterior, prior, engine):
    at, noise, _ = arguments(way, posterior, prior)

    def value(library, at):
        return divergence(way, posterior, prior, at, library.tree(noise))[0]

    _, gradient = divergence(way, posterior, prior, at, noise, 1.0)
    assert_equal_trees(gradient, autodiff(engine, value, at))


@every_pair
def test_adds_weight_times_the_gradient(way, posterior, prior):
    at, noise, start = arguments(way, posterior, prior)
    value, gradient = divergence(way, posterior, prior, at, noise, 1.0)
    expected = {
        "q": map_leaves(lambda s, g: s - 0.37 * g, start, gradient["q"]),
        "prior": map_leaves(lambda g: -0.37 * g, gradient["prior"]),
    }
    same_value, actual = divergence(way, posterior, prior, at, noise, -0.37, start)
    assert_equal_trees(actual, expected, 1e-14)
    assert same_value == value


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@every_pair
def test_same_numbers_on_every_library(library, way, posterior, prior, dtype):
    given = arguments(way, posterior, prior)
    at, noise, start = (map_leaves(np.dtype(dtype).type, part) for part in given)

    def run(at, noise, start):
        return divergence(way, posterior, prior, at, noise, 0.4, start)

    moved = [library.tree(part, dtype) for part in (at, noise, start)]
    actual, desired = compiled(library, run)(*moved), run(at, noise, start)
    assert_same(library, actual, desired, 1e-12 if dtype == "float64" else 4e-6)


@pytest.mark.parametrize("prior", EVERY_PRIOR.values(), ids=EVERY_PRIOR)
def test_closed_form_quadrature_and_samples_agree(prior):
    """Within the error of each: a cusp costs quadrature its speed."""
    posterior = MeanFieldNormal()
    at, _, _ = arguments(ClosedForm(), posterior, prior)
    n, rng = 4000, np.random.default_rng(0)
    draws = {str(i): rng.normal(size=SHAPE) for i in range(n)}
    ways = (ClosedForm(), Quadrature(), MonteCarlo())
    ways = [way for way in ways if way.needs(posterior, prior) is None]
    exact, *_ = divergence(Quadrature(200), posterior, prior, at, {})
    for way in ways:
        noise = draws if isinstance(way, MonteCarlo) else {}
        value, _ = divergence(way, posterior, prior, at, noise)
        assert value == pytest.approx(exact, abs=0.15 if noise else 0.05)
        assert exact >= 0


def test_the_best_available_is_chosen():
    normal, point = MeanFieldNormal(), Point()
    assert divergence_of(normal, NormalPrior()) == ClosedForm()
    assert divergence_of(point, StudentTPrior()) == ClosedForm()
    assert divergence_of(normal, StudentTPrior()) == Quadrature()
    assert divergence_of(normal, NormalPrior(), MonteCarlo(3)) == MonteCarlo(3)


def test_a_subclass_has_no_closed_form_of_its_own():
    class MyPrior(NormalPrior):
        pass

    assert divergence_of(MeanFieldNormal(), MyPrior()) == Quadrature()


def test_a_pair_that_nothing_can_compare_is_refused():
    message = (
        r"^Expected a divergence of MeanFieldNormal from Unused: ClosedForm needs a "
        r"pair in varlayers\.divergences\.CLOSED_FORMS; Quadrature needs a prior with "
        r"a density for each weight; MonteCarlo needs a prior with a density\.$"
    )
    with pytest.raises(NotImplementedError, match=message):
        divergence_of(MeanFieldNormal(), Unused(NormalPrior()))


def test_a_new_pair_joins_by_registration(monkeypatch):
    class MyPrior(NormalPrior):
        pass

    def mine(k, pair, weight, dparams):
        loc = dparams["loc"] + weight
        return k.xp.sum(pair.q[0]), {**dparams, "loc": loc}, {}

    monkeypatch.setitem(CLOSED_FORMS, (MeanFieldNormal, MyPrior), mine)
    layer = Dense(3, 2, prior=MyPrior())
    params = layer.init(key(0))
    assert layer.divergences == {"kernel": ClosedForm()}
    assert layer.kl(params)["kernel"] == np.sum(params["kernel"]["loc"])


@pytest.mark.parametrize("way", [*WAYS, *DIVERGENCES.values()])
def test_comes_back_from_its_description(way):
    assert vl.rebuild(vl.describe(way)) == way
