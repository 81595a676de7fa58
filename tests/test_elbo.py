import numpy as np
import pytest
from support.gradients import (
    AUTODIFF,
    assert_directional,
    assert_equal_trees,
    autodiff,
)
from support.libraries import assert_same
from support.problems import compiled, scatter

from varlayers.elbo import ELBO
from varlayers.layers import Activation, Dense, Dropout, LayerNorm, Sequential
from varlayers.likelihoods import (
    Categorical,
    HeteroscedasticNormal,
    NormalLearnedScale,
)
from varlayers.random import fold_in, key
from varlayers.tree import leaves, map_leaves

RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 3))
NUMBERS, CLASSES = RNG.normal(size=(6, 2)), RNG.integers(4, size=6)


def network(out_features):
    return Sequential(
        [
            Dense(3, 5, estimator="local", bias="normal", bias_prior="normal"),
            Activation("tanh"),
            LayerNorm(5),
            Dropout(0.2),
            Dense(5, out_features, prior="width-scaled normal"),
        ]
    )


CASES = {
    "classes": (network(4), Categorical(), CLASSES),
    "learned scale": (network(2), NormalLearnedScale(0.7), NUMBERS),
    "predicted scale": (network(4), HeteroscedasticNormal(), NUMBERS),
}
SETTINGS = {
    "one sample": {"num_data": 100, "num_samples": 1},
    "three cold samples": {"num_data": 20, "num_samples": 3, "beta": 0.3},
}
every_case = pytest.mark.parametrize("case", CASES)
every_pair = pytest.mark.parametrize(
    ("case", "settings"),
    [
        *((case, SETTINGS["one sample"]) for case in CASES),
        ("learned scale", SETTINGS["three cold samples"]),
    ],
    ids=[*CASES, "three cold samples"],
)


def objective(case, settings):
    """Return an ELBO, parameters away from their start, targets and noises."""
    model, likelihood, targets = CASES[case]
    elbo = ELBO(model, likelihood, **settings)
    params = scatter(elbo.init(key(0), X), np.random.default_rng(1))
    return elbo, params, targets, elbo.draw(key(2), X)


def value(elbo, params, x, targets, noises):
    """Return the loss from the parts' values alone, without their gradients."""
    model, likelihood = params["model"], params.get("likelihood", {})
    outputs = [elbo.model.forward(model, x, noise)[0] for noise in noises]
    nll = sum(elbo.likelihood.nll(likelihood, y, targets).sum() for y in outputs)
    kl = sum(leaves(elbo.model.kl(model)))
    return nll / (len(noises) * x.shape[0]) + elbo.beta / elbo.num_data * kl


def moved_to(library, *trees):
    """Return trees or tuples of them on another library; integers stay integers."""
    return tuple(
        tuple(map(library.tree, tree))
        if isinstance(tree, tuple)
        else library.asarray(tree, "int64")
        if getattr(tree, "dtype", None) == np.int64
        else library.tree(tree)
        for tree in trees
    )


@every_pair
def test_loss_is_the_sum_of_its_parts(case, settings):
    elbo, params, targets, noises = objective(case, settings)
    loss, _ = elbo.value_and_grad(params, X, targets, key(2))
    assert loss.loss == pytest.approx(
        value(elbo, params, X, targets, noises), rel=1e-13
    )
    kl = elbo.model.kl(params["model"])
    assert_equal_trees(loss.kl_parts, kl, 1e-13)
    assert loss.kl == pytest.approx(sum(leaves(kl)), rel=1e-13)
    assert loss.loss == pytest.approx(loss.nll + loss.beta * loss.kl / elbo.num_data)
    assert loss.beta == elbo.beta


@every_case
def test_loss_times_num_data_is_minus_the_bound(case):
    """num_data / n · Σ nll + beta · Σ KL, with each part computed by itself."""
    elbo, params, targets, (noise,) = objective(case, {"num_data": 250, "beta": 0.4})
    loss, _ = elbo.value_and_grad(params, X, targets, key(2))
    y, _ = elbo.model.forward(params["model"], X, noise)
    nll = np.sum(elbo.likelihood.nll(params.get("likelihood", {}), y, targets))
    kl = sum(leaves(elbo.model.kl(params["model"])))
    assert loss.loss * 250 == pytest.approx(250 / 6 * nll + 0.4 * kl, rel=1e-13)


@every_pair
def test_gradient_in_a_random_direction(case, settings):
    elbo, params, targets, noises = objective(case, settings)
    _, grads = elbo.value_and_grad(params, X, targets, key(2))
    assert_directional(lambda p: value(elbo, p, X, targets, noises), params, grads)


@pytest.mark.parametrize("engine", AUTODIFF)
@every_pair
def test_gradient_equals_that_of_autodiff(case, settings, engine):
    elbo, params, targets, noises = objective(case, settings)
    _, grads = elbo.value_and_grad(params, X, targets, key(2))

    def on_engine(library, p):
        return value(elbo, p, *moved_to(library, X, targets, noises))

    assert_equal_trees(grads, autodiff(engine, on_engine, params, jit=True))


@every_pair
def test_same_numbers_on_every_library(library, case, settings):
    elbo, params, targets, noises = objective(case, settings)

    def parts(params, x, targets, noises):
        loss, grads = elbo.value_and_grad_at(params, x, targets, noises, elbo.beta)
        return {"loss": tuple(loss[:3]), "parts": loss.kl_parts, "grads": grads}

    arguments = params, X, targets, noises
    actual = compiled(library, parts)(*moved_to(library, *arguments))
    assert_same(library, actual, parts(*arguments), 1e-12)


def test_a_step_in_float32_stays_in_float32(library):
    elbo, params, targets, _ = objective("classes", SETTINGS["three cold samples"])
    params, x = library.tree(params, "float32"), library.asarray(X, "float32")
    targets = library.asarray(targets, "int64")
    step = compiled(library, lambda *a: elbo.value_and_grad(*a, key(2)))
    loss, grads = step(params, x, targets)
    for leaf in (*loss[:3], *leaves(grads)):
        assert library.to_numpy(leaf).dtype == np.float32


def test_samples_are_averaged():
    elbo, params, targets, noises = objective("learned scale", {"num_data": 9})
    noises = elbo.draw(key(1), X) + elbo.draw(key(2), X) + elbo.draw(key(3), X)
    one_by_one = [
        elbo.value_and_grad_at(params, X, targets, (noise,), 1.0) for noise in noises
    ]
    loss, grads = elbo.value_and_grad_at(params, X, targets, noises, 1.0)
    assert loss.loss == pytest.approx(np.mean([one.loss for one, _ in one_by_one]))
    mean = map_leaves(lambda *g: np.mean(g, axis=0), *(g for _, g in one_by_one))
    assert_equal_trees(grads, mean, 1e-13)


def test_every_sample_has_noise_of_its_own():
    elbo = ELBO(network(2), NormalLearnedScale(), num_data=9, num_samples=3)
    noises = elbo.draw(key(1), X)
    for sample, noise in enumerate(noises):
        own = elbo.model.draw(fold_in(key(1), sample), X.shape, X)
        assert_equal_trees(noise, own, 0)
    assert len({noise["0"]["output"][0, 0] for noise in noises}) == 3


def test_mini_batches_average_to_the_whole():
    """At the same weights: the loss does not depend on how the data are cut."""
    elbo = ELBO(network(4).at_mean(), Categorical(), num_data=6)
    params = scatter(elbo.init(key(0), X), np.random.default_rng(1))
    whole, grads = elbo.value_and_grad(params, X, CLASSES, key(0))
    halves = [
        elbo.value_and_grad(params, X[rows], CLASSES[rows], key(0))
        for rows in (slice(0, 3), slice(3, 6))
    ]
    assert whole.loss == pytest.approx(np.mean([loss.loss for loss, _ in halves]))
    mean = map_leaves(lambda *g: np.mean(g, axis=0), *(g for _, g in halves))
    assert_equal_trees(grads, mean, 1e-12)


def test_beta_zero_leaves_the_likelihood_alone():
    elbo, params, targets, noises = objective("classes", {"num_data": 9, "beta": 0})
    loss, grads = elbo.value_and_grad(params, X, targets, key(2))
    assert loss.loss == loss.nll
    assert loss.kl > 0
    assert_directional(lambda p: value(elbo, p, X, targets, noises), params, grads)


@every_case
def test_empty_batch_leaves_the_divergence_alone(library, case):
    elbo, params, targets, _ = objective(case, {"num_data": 50, "beta": 0.5})
    kls, kl_gradient = kl_and_gradient(elbo.model, params["model"])
    moved = moved_to(library, params, X[:0], targets[:0])
    step = compiled(library, lambda *a: elbo.value_and_grad(*a, key(0)))
    loss, grads = step(*moved)
    assert float(loss.nll) == 0
    assert float(loss.loss) == pytest.approx(0.5 / 50 * sum(leaves(kls)), rel=1e-12)
    desired = map_leaves(lambda g: 0.5 / 50 * g, kl_gradient)
    assert_same(library, grads["model"], desired, 1e-14)


def kl_and_gradient(model, params):
    zeros = map_leaves(np.zeros_like, params)
    _, saved = model.forward(params, X, model.draw(key(0), X.shape, X))
    return model.add_kl(saved, zeros, 1.0)


def test_beta_may_follow_a_schedule():
    def warm_up(step):
        return min(1.0, step / 10)

    model, likelihood, targets = CASES["classes"]
    scheduled = ELBO(model, likelihood, num_data=9, beta=warm_up)
    params = scheduled.init(key(0), X)
    for step, beta in ((0, 0.0), (5, 0.5), (40, 1.0)):
        fixed = ELBO(model, likelihood, num_data=9, beta=beta)
        actual = scheduled.value_and_grad(params, X, targets, key(1), step=step)
        desired = fixed.value_and_grad(params, X, targets, key(1))
        assert actual[0].beta == beta
        assert actual[0].loss == desired[0].loss
        assert_equal_trees(actual[1], desired[1], 0)


def test_init_has_the_likelihoods_parameters_only_if_there_are_any():
    model = network(4)
    assert set(ELBO(model, Categorical(), num_data=9).init(key(0), X)) == {"model"}
    params = ELBO(model, NormalLearnedScale(0.7), num_data=9).init(key(0), X)
    assert set(params) == {"model", "likelihood"}
    assert_equal_trees(params["model"], model.init(key(0), X), 0)
    desired = NormalLearnedScale(0.7).init(X)
    assert_equal_trees(params["likelihood"], desired, 0)


def test_changes_none_of_its_arguments():
    elbo, params, targets, noises = objective("learned scale", {"num_data": 9})
    before = map_leaves(np.copy, {"p": params, "x": X, "t": targets, "n": noises[0]})
    elbo.value_and_grad_at(params, X, targets, noises, 1.0)
    after = {"p": params, "x": X, "t": targets, "n": noises[0]}
    assert_equal_trees(after, before, 0)


@pytest.mark.parametrize("name", ["num_data", "num_samples"])
@pytest.mark.parametrize(
    ("wrong", "kind", "message"),
    [
        (0, ValueError, r">= 1, got 0\."),
        (2.5, TypeError, r"an integer `\w+`, got 2\.5\."),
    ],
)
def test_refuses_other_counts(name, wrong, kind, message):
    counts = {"num_data": 9, "num_samples": 1, name: wrong}
    with pytest.raises(kind, match="ELBO expected .*" + message) as caught:
        ELBO(network(4), Categorical(), **counts)
    assert f"`{name}`" in str(caught.value)


def test_refuses_to_average_no_sample():
    elbo, params, targets, _ = objective("classes", {"num_data": 9})
    message = "ELBO expected at least one sample in `noises`, got none."
    with pytest.raises(ValueError, match=message):
        elbo.value_and_grad_at(params, X, targets, (), 1.0)


@pytest.mark.parametrize("beta", [-0.5, float("nan")])
def test_refuses_a_negative_beta(beta):
    with pytest.raises(ValueError, match=rf"ELBO expected `beta` >= 0, got {beta}\."):
        ELBO(network(4), Categorical(), num_data=9, beta=beta)
