"""Whole training steps are replayed, all of them, and learn what the plain ones do."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("numba")

from support.estimators import EVERY_ESTIMATOR
from support.layers import EVERY_LAYER
from support.likelihoods import CASES
from support.priors import EVERY_PRIOR
from support.replays import KERNELS, is_replayed

import varlayers as vl
from varlayers import tree
from varlayers.posteriors import POSTERIORS
from varlayers.training.step import _step, _step_on_rows
from varlayers_backends.numba import NumbaKernels
from varlayers_backends.numba_replay import Replayed

RNG = np.random.default_rng(0)
STEPS = 3


def copied(given):
    return tree.map_leaves(lambda x: np.array(x) if hasattr(x, "dtype") else x, given)


def train_with(step, train, params, state, *batch):
    """Return parameters, state and losses after some steps of training."""
    losses = []
    for number in range(STEPS):
        beta = train.elbo.beta_at(number)
        params, state, loss = step(
            train, params, state, *batch, vl.key(5), number, beta
        )
        parts = loss.loss, loss.nll, loss.kl, loss.beta, *tree.leaves(loss.kl_parts)
        losses.append(list(map(float, parts)))
    return params, state, losses


def check(elbo, x, targets, optimizer="adam", step=_step, rows=()):
    """Train twice, replayed and plain, and compare."""
    train = vl.TrainingStep(elbo, optimizer)
    params = elbo.init(vl.key(1), like=x)
    start = params, train.rule.init(params)
    replayed = Replayed(step, KERNELS)
    (p, s, losses), (q, t, right) = (
        train_with(run, train, *map(copied, start), x, targets, *rows)
        for run in (replayed, step)
    )
    assert is_replayed(replayed)
    np.testing.assert_allclose(losses, right, rtol=1e-5, atol=1e-6)
    assert s["step"] == t["step"]
    assert type(s["step"]) is type(t["step"])
    for one, other in ((p, q), (s, t)):
        mine, theirs = dict(tree.items(one)), dict(tree.items(other))
        assert mine.keys() == theirs.keys()
        for name, value in mine.items():
            assert np.shape(value) == np.shape(theirs[name]), name
            np.testing.assert_allclose(
                value, theirs[name], rtol=2e-4, atol=2e-5, err_msg=name
            )


def drawn(shape):
    return RNG.standard_normal(shape).astype(np.float32)


def regression(layer, n=6):
    elbo = vl.ELBO(layer, vl.Normal(scale=0.5), num_data=50)
    return elbo, drawn((n, 3)), drawn((n, 2))


@pytest.mark.parametrize("name", EVERY_LAYER)
def test_layer(name):
    layer, shape = EVERY_LAYER[name]
    x = drawn(shape)
    elbo = vl.ELBO(layer, vl.Normal(scale=0.5), num_data=50)
    check(elbo, x, drawn(layer.out_shape(shape)))


@pytest.mark.parametrize("name", EVERY_ESTIMATOR)
@pytest.mark.parametrize("kind", ["dense", "convolution"])
def test_estimator(name, kind):
    options = {"estimator": EVERY_ESTIMATOR[name], "bias": "normal"}
    if kind == "dense":
        layer, shape = vl.Dense(3, 2, **options), (6, 3)
    else:
        layer, shape = vl.Convolution(2, 3, 3, padding="same", **options), (2, 4, 5, 2)
    elbo = vl.ELBO(layer, vl.Normal(scale=0.5), num_data=50, num_samples=2)
    check(elbo, drawn(shape), drawn(layer.out_shape(shape)))


@pytest.mark.parametrize("name", POSTERIORS)
def test_posterior(name):
    layer = vl.Dense(3, 2, posterior=name, estimator="reparameterization")
    check(*regression(layer))


@pytest.mark.parametrize("name", EVERY_PRIOR)
def test_prior(name):
    check(*regression(vl.Dense(3, 2, prior=EVERY_PRIOR[name])))


@pytest.mark.parametrize("name", CASES)
def test_likelihood(name):
    case = CASES[name]
    _, outputs, targets = case.problem(6)
    outputs = outputs.astype(np.float32)
    if targets.dtype.kind == "f":
        targets = targets.astype(np.float32)
    layer = vl.Sequential([vl.Flatten(), vl.Dense(3, max(outputs[0].size, 1))])
    layer = vl.Sequential([*layer.layers, vl.Reshape(outputs.shape[1:])])
    check(vl.ELBO(layer, case.likelihood, num_data=50), drawn((6, 3)), targets)


SCHEDULE = vl.schedules.WarmUp(vl.schedules.Cosine(0.1, 9), 2)
OPTIMIZERS = {
    "sgd": "sgd",
    "momentum": vl.SGD(0.1, momentum=0.9, nesterov=True),
    "adam": vl.Adam(0.1),
    "adamw": vl.AdamW(0.1),
    "scheduled": vl.Adam(SCHEDULE),
    "clipped": vl.Clip(vl.Adam(0.1), 0.5),
    "frozen": vl.Frozen(vl.Adam(0.1), ("*.bias.*",)),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizer(name):
    layer = vl.Sequential([vl.Dense(3, 4), vl.Activation("relu"), vl.Dense(4, 2)])
    check(*regression(layer), OPTIMIZERS[name])


def test_beta_of_a_schedule_is_not_frozen():
    elbo, x, targets = regression(vl.Dense(3, 2))
    check(replace(elbo, beta=vl.schedules.Linear(0, 1, 3)), x, targets)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_large_network_on_rows(dtype):
    layer = vl.Sequential([vl.Dense(90, 110), vl.Activation("tanh"), vl.Dense(110, 2)])
    elbo = vl.ELBO(layer, vl.Categorical(), num_data=300)
    x, targets = drawn((300, 90)).astype(dtype), RNG.integers(2, size=300)
    rows = RNG.permutation(300)[:40]
    check(elbo, x, targets, step=_step_on_rows, rows=(rows,))


def fitted(**options):
    layer = vl.Sequential([vl.Dense(3, 4), vl.Activation("relu"), vl.Dense(4, 2)])
    elbo = vl.ELBO(layer, vl.Normal(scale=0.5), num_data=20)
    rng = np.random.default_rng(3)
    x, targets = (rng.standard_normal((20, n)).astype(np.float32) for n in (3, 2))
    state = vl.fit(
        elbo, x, targets, key=vl.key(4), epochs=3, batch_size=8, progress=False
    )
    return state, vl.predict(elbo, state["params"], x, key=vl.key(6), num_samples=4)


def test_fit_and_prediction_are_replayed(monkeypatch):
    made = {}

    def compile_(self, function):
        return made.setdefault(function.__name__, Replayed(function, self))

    monkeypatch.setattr(NumbaKernels, "compile", compile_)
    state, prediction = fitted()
    monkeypatch.setattr(NumbaKernels, "compile", lambda _, function: function)
    right, desired = fitted()
    assert made.keys() == {"_step_on_rows", "_output"}
    for replayed in made.values():
        assert is_replayed(replayed)
    for name, values in right["history"].items():
        np.testing.assert_allclose(state["history"][name], values, rtol=1e-5)
    assert state["optimizer"]["step"] == right["optimizer"]["step"]
    mine, theirs = (dict(tree.items(s["params"])) for s in (state, right))
    for name, value in mine.items():
        np.testing.assert_allclose(value, theirs[name], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(prediction.mean, desired.mean, rtol=1e-4, atol=1e-5)
