"""Whole training steps are replayed, all of them, and learn what the plain ones do."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("numba")

from support.replays import KERNELS, is_replayed
from support.steps import EVERY_STEP, RNG, drawn, regression

import varlayers as vl
from varlayers import tree
from varlayers.training.step import _step, _step_on_rows
from varlayers_backends.numba import NumbaKernels
from varlayers_backends.numba_replay import Replayed

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


@pytest.mark.parametrize("name", EVERY_STEP)
def test_step(name):
    check(*EVERY_STEP[name]())


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
