import numpy as np
import pytest
from support.gradients import assert_equal_trees
from support.libraries import assert_same
from support.problems import problem

from varlayers.dispatch import kernels_for
from varlayers.divergences import MonteCarlo, Quadrature
from varlayers.layers import Dense
from varlayers.layers.beliefs import Beliefs
from varlayers.posteriors import MeanFieldNormal
from varlayers.priors import NormalPrior, StudentTPrior, Unused
from varlayers.random import key
from varlayers.tree import map_leaves

X = np.random.default_rng(0).normal(size=(4, 3))
LEARNED = NormalPrior(0.2, 0.5, trainable=("loc", "scale"))


def add_kl(layer, params, noise, weight=1.0):
    """Return the divergences and weight * their gradient, at given noise."""
    _, saved = layer.forward(params, X, noise)
    zeros = map_leaves(np.zeros_like, params)
    return layer.add_kl(saved, zeros, weight)


def test_a_layer_learns_what_its_priors_learn():
    layer = Dense(3, 2, prior=LEARNED, bias_prior=LEARNED)
    params = layer.init(key(0), X)
    assert list(params) == ["kernel", "bias", "kernel_prior", "bias_prior"]
    assert params["bias_prior"] == {"loc": 0.2, "log_scale": np.log(0.5)}
    _, saved = layer.forward(params, X, layer.draw(key(1), X.shape, X))
    _, dparams = layer.backward(saved, np.ones((4, 2)))
    assert list(dparams) == list(params)
    assert dparams["kernel_prior"] == {"loc": 0.0, "log_scale": 0.0}


def test_empirical_bayes_finds_the_posteriors_own_moments():
    """The best normal prior has the mean and the mean square of the posterior."""
    layer = Dense(3, 2, prior=LEARNED, posterior=MeanFieldNormal(1.0))
    params = layer.init(key(0), X)
    weight = layer.weights(params)["kernel"]
    loc = np.mean(weight["loc"])
    square = np.mean((weight["loc"] - loc) ** 2 + weight["scale"] ** 2)
    best = {"loc": np.array(loc), "log_scale": np.array(0.5 * np.log(square))}
    noise = layer.draw(key(1), X.shape, X)
    _, grads = add_kl(layer, {**params, "kernel_prior": best}, noise)
    for grad in grads["kernel_prior"].values():
        assert grad == pytest.approx(0, abs=1e-14)
    _, grads = add_kl(layer, params, noise)
    assert abs(grads["kernel_prior"]["log_scale"]) > 0.1


@pytest.mark.parametrize(
    ("estimator", "names"),
    [
        ("reparameterization", {"kernel", "bias"}),
        ("flipout", {"kernel", "signs_in", "signs_out", "bias"}),
        ("local", {"output", "kernel_divergence", "bias_divergence"}),
    ],
)
def test_one_sample_is_that_of_the_forward_pass_where_it_has_one(estimator, names):
    settings = {"bias": "normal", "bias_prior": "normal", "estimator": estimator}
    layer = Dense(3, 2, divergence="monte carlo", **settings)
    params, noise = layer.init(key(0), X), layer.draw(key(1), X.shape, X)
    assert noise.keys() == names
    kls, _ = add_kl(layer, params, noise)
    for name, posterior in layer.weights(params).items():
        eps = noise.get(name, noise.get(f"{name}_divergence"))
        w = posterior["loc"] + posterior["scale"] * eps
        log_q = -0.5 * eps**2 - np.log(posterior["scale"])
        assert kls[name] == pytest.approx(np.sum(log_q + 0.5 * w**2), rel=1e-12)


def test_more_samples_have_noise_of_their_own():
    layer = Dense(3, 2, divergence=MonteCarlo(5))
    noise = layer.draw(key(1), X.shape, X)
    assert noise["kernel_divergence"].shape == (5, 3, 2)
    drawn = np.concatenate([noise["kernel_divergence"], noise["kernel"][None]])
    assert len(np.unique(drawn)) == drawn.size
    params = layer.init(key(0), X)
    parts = [
        add_kl(
            Dense(3, 2, divergence="monte carlo"),
            params,
            {**layer_noise(noise), "kernel": eps},
        )
        for eps in noise["kernel_divergence"]
    ]
    kls, grads = add_kl(layer, params, noise)
    assert kls["kernel"] == pytest.approx(np.mean([kl["kernel"] for kl, _ in parts]))
    mean = map_leaves(lambda *g: sum(g) / 5, *(g for _, g in parts))
    assert_equal_trees(grads, mean, 1e-12)


@pytest.mark.parametrize("estimator", ["local", "flipout"])
@pytest.mark.parametrize("count", [1, 2])
def test_samples_are_the_same_on_every_library(library, estimator, count):
    layer = Dense(
        3, 2, prior=LEARNED, estimator=estimator, divergence=MonteCarlo(count)
    )

    def run(case):
        noise = layer.draw(key(1), case.x.shape, case.x)
        _, saved = layer.forward(case.params, case.x, noise)
        _, dparams = layer.backward(saved, case.dy)
        kls, total = layer.add_kl(saved, dparams, 0.3)
        return {"noise": noise, "kls": kls, "total": total, "kl": layer.kl(case.params)}

    case = problem(layer, (4, 3))
    assert_same(library, case.run_on(library, run), run(case), 1e-12)


def layer_noise(noise):
    return {name: eps for name, eps in noise.items() if name != "kernel_divergence"}


def test_kl_without_noise_is_an_estimate_that_stays():
    layer = Dense(30, 20, divergence=MonteCarlo(50))
    params = layer.init(key(0))
    exact = Dense(30, 20).kl(params)["kernel"]
    assert layer.kl(params) == layer.kl(params)
    assert layer.kl(params)["kernel"] == pytest.approx(exact, rel=0.02)


def test_divergence_weight_multiplies_value_and_gradient():
    settings = {"prior": LEARNED, "bias": "normal", "bias_prior": StudentTPrior()}
    one, half = Dense(3, 2, **settings), Dense(3, 2, **settings, divergence_weight=0.5)
    params, noise = one.init(key(0), X), one.draw(key(1), X.shape, X)
    kls, grads = add_kl(one, params, noise, 0.6)
    actual = add_kl(half, params, noise, 0.6)
    expected = map_leaves(lambda a: 0.5 * a, kls), map_leaves(lambda g: 0.5 * g, grads)
    for one_tree, other in zip(actual, expected, strict=True):
        assert_equal_trees(one_tree, other, 1e-14)


def test_a_function_will_do():
    def mine(k, pair, weight, dparams):
        (loc, *_), fan_in = pair.q, pair.fan_in
        dloc = dparams["loc"] + weight * fan_in * 2 * loc
        return fan_in * k.xp.sum(loc * loc), {**dparams, "loc": dloc}, {}

    layer = Dense(3, 2, divergence=mine)
    params = layer.init(key(0), X)
    kls, grads = add_kl(layer, params, layer.draw(key(1), X.shape, X))
    loc = params["kernel"]["loc"]
    assert kls["kernel"] == 3 * np.sum(loc**2)
    np.testing.assert_array_equal(grads["kernel"]["loc"], 6 * loc)
    assert layer.divergences == {"kernel": mine}


def test_at_mean_takes_the_same_parameters():
    layer = Dense(3, 2, prior=LEARNED).at_mean()
    params = Dense(3, 2, prior=LEARNED).init(key(0), X)
    assert layer.forward(params, X, {})[0].shape == (4, 2)
    assert layer.kl(params) == {}
    assert layer.prior == layer.at_mean().prior == Unused(LEARNED)


def test_refuses_a_divergence_that_cannot_compare():
    message = (
        r"^Dense expected a divergence of MeanFieldNormal from StudentTPrior: "
        r"ClosedForm needs a pair in varlayers\.divergences\.CLOSED_FORMS\.$"
    )
    with pytest.raises(ValueError, match=message):
        Dense(3, 2, prior="student t", divergence="closed form")


def test_refuses_parameters_without_those_of_the_prior():
    layer = Dense(3, 2, prior=LEARNED)
    params = Dense(3, 2).init(key(0), X)
    with pytest.raises(ValueError, match=r"Dense expected parameters .*_prior'\], got"):
        layer.kl(params)


def test_without_a_prior_there_is_nothing_to_save():
    beliefs = Beliefs("Owner", {}, Quadrature(), 1.0)
    assert beliefs.size == 0
    assert beliefs.save({}, {}) == ()
    assert beliefs.add_kl(kernels_for(X), {}, (), {"kernel": 1}, 1.0) == (
        {},
        {"kernel": 1},
    )
