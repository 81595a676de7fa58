"""TrainingStep is noise, gradient and update in one, on every library."""

import math
import pickle

import numpy as np
import pytest
from support.libraries import assert_same, make_library

import varlayers as vl
from varlayers import tree
from varlayers.activations import Elementwise
from varlayers.dispatch import kernels_for

LIBRARIES = ("numpy", "numpy-readonly", "strict", "torch", "jax")
COMPILING = ("numpy", "jax")
OPTIMIZERS = {
    "adam": vl.Adam(1e-2),
    "adam with a schedule": vl.Adam(vl.schedules.Cosine(1e-1, 4)),
    "sgd": vl.SGD(1e-3, momentum=0.9),
}


def data(library=None, n=12):
    """Return inputs and targets in one precision and library."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (n, 2))
    pair = x, x @ np.array([[1.0], [-2.0]]) + 0.1 * rng.standard_normal((n, 1))
    return pair if library is None else tuple(map(library.asarray, pair))


def objective(**kwargs):
    layers = [vl.Dense(2, 5), vl.Activation("tanh"), vl.Dense(5, 1, bias="normal")]
    model = vl.Sequential(layers)
    return vl.ELBO(model, vl.Normal(scale=0.5), num_data=12, **kwargs)


def started(train, x):
    params = train.elbo.init(vl.key(0), like=x)
    return params, train.rule.init(params)


def stepped(train, x, targets, steps=3):
    """Return the parameters, state and loss after a few steps, and their losses."""
    params, state = started(train, x)
    losses = []
    for step in range(steps):
        params, state, loss = train(params, state, x, targets, key=vl.key(1), step=step)
        losses.append((float(loss.loss), float(loss.kl), float(loss.beta)))
    return params, state, losses


def by_hand(train, x, targets, steps=3):
    params, state = started(train, x)
    losses = []
    for step in range(steps):
        loss, grads = train.elbo.value_and_grad(
            params, x, targets, vl.fold_in(vl.key(1), step), step=step
        )
        params, state = train.rule.update(grads, state, params)
        losses.append((float(loss.loss), float(loss.kl), float(loss.beta)))
    return params, state, losses


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.parametrize("name", LIBRARIES)
def test_steps_are_noise_gradient_and_update(name, optimizer):
    library = make_library(name)
    beta = vl.schedules.Linear(0.1, 1.0, 4)
    train = vl.TrainingStep(objective(beta=beta, num_samples=2), optimizer)
    params, state, losses = stepped(train, *data(library))
    desired, state_by_hand, losses_by_hand = by_hand(train, *data())
    assert_same(library, params, desired, 1e-11)
    assert int(state.pop("step")) == state_by_hand.pop("step") == 3
    assert_same(library, state, state_by_hand, 1e-11)
    np.testing.assert_allclose(losses, losses_by_hand, rtol=1e-11)
    assert [beta for *_, beta in losses] == pytest.approx([0.1, 0.325, 0.55])


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_step_on_rows_is_the_step_on_their_batch(name):
    library = make_library(name)
    (x, targets), rows = data(library), np.array([7, 0, 3, 11])
    train = vl.TrainingStep(objective(), vl.Adam(1e-2))
    batch = tuple(
        library.asarray(library.to_numpy(part)[rows]) for part in (x, targets)
    )
    desired = train(*started(train, x), *batch, key=vl.key(1), step=2)
    rows = kernels_for(x).xp.asarray(rows, device=library.device)
    actual = train.on_rows(*started(train, x), x, targets, rows, key=vl.key(1), step=2)
    for one, other in zip(tree.leaves(actual[0]), tree.leaves(desired[0]), strict=True):
        np.testing.assert_allclose(
            library.to_numpy(one), library.to_numpy(other), rtol=1e-12, atol=1e-14
        )
    assert float(actual[2].loss) == pytest.approx(float(desired[2].loss), rel=1e-12)


@pytest.mark.parametrize("name", ["numpy", "torch"])
def test_a_library_s_own_generator_draws_the_noise(name):
    library = make_library(name)

    def generator():
        if name == "numpy":
            return vl.native(np.random.default_rng(3))
        return vl.native(pytest.importorskip("torch").Generator().manual_seed(3))

    train, (x, targets) = vl.TrainingStep(objective()), data(library)
    params, state = started(train, x)
    loss, _ = train.elbo.value_and_grad(params, x, targets, generator())
    _, _, same = train(params, state, x, targets, key=generator(), step=0)
    assert float(same.loss) == pytest.approx(float(loss.loss), rel=1e-12)


# ---- schedules of one's own ---------------------------------------------------------


def dropping(step):
    """Compare the step in Python, as no function of traced numbers may."""
    return 1e-2 if step < 3 else 1e-3


RATES = [dropping(step) for step in range(6)]
OF_MY_OWN = {
    "compares": dropping,
    "looks up a list": RATES.__getitem__,
    "looks up a dict": dict(enumerate(RATES)).__getitem__,
    "makes it an integer": lambda step: RATES[int(step)],
    "counts to it": lambda step: RATES[sum(1 for _ in range(step))],
    "calls math": lambda step: RATES[round(math.sqrt(step * step))],
}


def rates(library, schedule, steps=6):
    """Return the rate of each step of plain descent, from how far it moves."""
    elbo = vl.ELBO(vl.Dense(2, 1), vl.Normal(scale=0.5), num_data=12)
    train, (x, targets) = vl.TrainingStep(elbo, vl.SGD(schedule)), data(library)
    params, state = started(train, x)
    found = []
    for step in range(steps):
        before = library.to_numpy(params["model"]["kernel"]["loc"]).copy()
        key = vl.fold_in(vl.key(1), step)
        _, grads = elbo.value_and_grad(params, x, targets, key, step=step)
        slope = library.to_numpy(grads["model"]["kernel"]["loc"]).copy()
        params, state, _ = train(params, state, x, targets, key=vl.key(1), step=step)
        after = library.to_numpy(params["model"]["kernel"]["loc"])
        found.append(float(np.sum((before - after) * slope) / np.sum(slope**2)))
    return found


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_schedule_that_compares_the_step_gives_its_rates(name):
    assert rates(make_library(name), dropping) == pytest.approx(RATES, rel=1e-6)


@pytest.mark.parametrize("schedule", OF_MY_OWN.values(), ids=OF_MY_OWN)
@pytest.mark.parametrize("name", COMPILING)
def test_a_schedule_may_need_the_step_s_value(name, schedule):
    assert rates(make_library(name), schedule) == pytest.approx(RATES, rel=1e-6)


@pytest.mark.parametrize("name", LIBRARIES)
@pytest.mark.parametrize("rule", [vl.Adam, vl.SGD])
def test_fit_takes_a_schedule_that_compares_the_step(name, rule):
    library = make_library(name)
    settings = {"key": vl.key(3), "epochs": 3, "batch_size": 6, "progress": False}
    x, targets = data(library)
    state = vl.fit(objective(), x, targets, optimizer=rule(dropping), **settings)
    desired = by_hand_in_epochs(rule(dropping), 3, 6, vl.key(3))
    assert_same(library, state["params"], desired, 1e-10)
    assert state["optimizer"]["step"] == 6


def by_hand_in_epochs(rule, epochs, batch_size, key):
    """Return the parameters that `fit` ends with, without any of its code but rows."""
    from varlayers.training.loop import _batches

    (x, targets), elbo = data(), objective()
    params = elbo.init(vl.fold_in(key, 2), like=x)
    state, step = rule.init(params), 0
    for _ in range(epochs):
        for rows in _batches(x, step, key, batch_size):
            noise = vl.fold_in(vl.fold_in(key, 1), step)
            _, grads = elbo.value_and_grad(
                params, x[rows], targets[rows], noise, step=step
            )
            params, state = rule.update(grads, state, params)
            step += 1
    return params


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_beta_of_one_s_own_is_that_of_the_step(name):
    train = vl.TrainingStep(objective(beta=lambda step: 0.5 if step < 2 else 1.0))
    _, _, losses = stepped(train, *data(make_library(name)), steps=4)
    assert [beta for *_, beta in losses] == [0.5, 0.5, 1, 1]


# ---- compilation --------------------------------------------------------------------


RUNS = []


def _identity(k, x):
    RUNS.append(x)
    return x, ()


def _identity_backward(k, saved, dy):
    return dy


def runs(name, optimizer="adam", steps=5):
    """Return after each step how often Python has run the model."""
    RUNS.clear()
    counting = vl.Activation(Elementwise(_identity, _identity_backward))
    model = vl.Sequential([vl.Dense(2, 1), counting])
    elbo = vl.ELBO(model, vl.Normal(scale=0.5), num_data=12)
    train, (x, targets) = vl.TrainingStep(elbo, optimizer), data(make_library(name))
    params, state = started(train, x)
    counts = []
    for step in range(steps):
        params, state, _ = train(params, state, x, targets, key=vl.key(1), step=step)
        counts.append(len(RUNS))
    return counts


def test_jax_compiles_a_step_once():
    """Also where the optimizer's step is Python's at first, and JAX's from then on."""
    assert runs("jax") == [1] * 5


def test_numpy_traces_a_step_once():
    pytest.importorskip("numba")
    counts = runs("numpy")
    assert counts == [counts[0]] * 5


@pytest.mark.parametrize("name", ["strict", "torch"])
def test_libraries_without_a_compiler_run_every_step(name):
    assert runs(name) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("name", COMPILING)
def test_a_schedule_that_cannot_be_traced_leaves_the_gradient_compiled(name):
    if name == "numpy":
        pytest.importorskip("numba")
    counts = runs(name, vl.SGD(dropping))
    assert counts == [counts[0]] * 5


# ---- the object ---------------------------------------------------------------------


def test_an_unknown_optimizer_is_refused():
    message = r"^TrainingStep expected `optimizer` in \['adam', .*got 'sdg'"
    with pytest.raises(ValueError, match=message):
        vl.TrainingStep(objective(), "sdg")


def test_a_class_of_optimizers_is_refused():
    message = r"^TrainingStep expected .*got the class Adam\. Write Adam\(\)\."
    with pytest.raises(TypeError, match=message):
        vl.TrainingStep(objective(), vl.Adam)


def test_a_key_of_another_type_is_refused():
    train, (x, targets) = vl.TrainingStep(objective()), data()
    with pytest.raises(TypeError, match="Expected a random key, got int"):
        train(*started(train, x), x, targets, key=3, step=0)


def test_targets_of_another_shape_are_refused():
    train, (x, targets) = vl.TrainingStep(objective()), data()
    message = r"Normal expected `targets` of shape \(12, 1\), got \(12,\)"
    with pytest.raises(ValueError, match=message):
        train(*started(train, x), x, targets[:, 0], key=vl.key(1), step=0)


def test_a_state_of_another_optimizer_is_refused():
    train, (x, targets) = vl.TrainingStep(objective(), "adam"), data()
    params, _ = started(train, x)
    state = vl.SGD(1e-2, momentum=0.9).init(params)
    with pytest.raises(ValueError, match=r"^Adam expected `state` with"):
        train(params, state, x, targets, key=vl.key(1), step=0)


def test_a_name_is_the_optimizer_that_it_names():
    train = vl.TrainingStep(objective(), "adam")
    assert (
        train == vl.TrainingStep(objective()) == vl.TrainingStep(objective(), vl.Adam())
    )
    assert train.rule == train.optimizer == vl.Adam()


def test_steps_compare_and_hash_by_what_they_are_of():
    one, same = (vl.TrainingStep(objective(), vl.Adam(1e-2)) for _ in range(2))
    others = vl.TrainingStep(objective(), "adam"), vl.TrainingStep(objective(beta=0.5))
    assert one == same
    assert hash(one) == hash(same)
    assert one not in others


def test_a_step_survives_pickling():
    train = vl.TrainingStep(objective(beta=vl.schedules.Linear(0.0, 1.0, 4)), "sgd")
    loaded = pickle.loads(pickle.dumps(train))
    assert loaded == train
    assert stepped(loaded, *data())[2] == stepped(train, *data())[2]


def test_a_step_prints_as_it_is_written():
    elbo = vl.ELBO(vl.Dense(1, 1), vl.Normal(scale=0.1), num_data=64)
    text = repr(vl.TrainingStep(elbo, vl.SGD(0.1)))
    assert text.startswith("TrainingStep(elbo=ELBO(model=Dense(")
    assert "optimizer=SGD(learning_rate=0.1" in text
    assert len(text) < 600
