"""Schedules by hand, and against torch's and optax's."""

import re

import numpy as np
import pytest

from varlayers.optimizers import (
    Constant,
    Cosine,
    Exponential,
    Linear,
    WarmUp,
    value_at,
)

SCHEDULES = [
    Constant(0.3),
    Linear(0.1, 1.0, 8),
    Cosine(0.5, 8, 0.1),
    Exponential(0.5, 0.9, 4),
    WarmUp(Cosine(0.5, 8, 0.1), 4, 0.2),
    WarmUp(0.5, 4),
]


@pytest.mark.parametrize(
    ("schedule", "values"),
    [
        (Constant(0.3), {0: 0.3, 1000: 0.3}),
        (Linear(0.0, 1.0, 4), {0: 0.0, 1: 0.25, 3: 0.75, 4: 1.0, 5: 1.0, 10**9: 1.0}),
        (Linear(1.0, 0.5, 1), {0: 1.0, 1: 0.5}),
        (Cosine(2.0, 4), {0: 2.0, 1: 1 + 0.5**0.5, 2: 1.0, 4: 0.0, 9: 0.0}),
        (Cosine(2.0, 4, 1.0), {0: 2.0, 2: 1.5, 4: 1.0, 9: 1.0}),
        (Exponential(3.0, 0.25, 2), {0: 3.0, 1: 1.5, 2: 0.75, 4: 0.1875}),
        (WarmUp(Exponential(3.0, 0.25, 2), 2), {0: 0, 1: 1.5, 2: 3.0, 3: 1.5, 4: 0.75}),
        (WarmUp(1.0, 4, 0.5), {0: 0.5, 2: 0.75, 4: 1.0, 5: 1.0}),
    ],
    ids=str,
)
def test_by_hand(schedule, values):
    for step, value in values.items():
        assert schedule(step) == pytest.approx(value, rel=1e-15, abs=1e-15)
        assert type(value_at(schedule, step)) is float


@pytest.mark.parametrize("kind", [Linear, lambda s, e, n: Cosine(s, n, e)])
def test_ends_are_reached_exactly(kind):
    schedule = kind(0.1, 0.7, 3)
    assert schedule(0) == 0.1
    assert schedule(3) == 0.7


def test_equal_torch():
    torch = pytest.importorskip("torch")
    lr = torch.optim.lr_scheduler

    def values(make, steps):
        sgd = torch.optim.SGD([torch.zeros(1)], 0.5)
        scheduler, found = make(sgd), []
        for _ in range(steps):
            found.append(scheduler.get_last_lr()[0])
            sgd.step()
            scheduler.step()
        return found

    def ours(schedule, steps):
        return [schedule(step) for step in range(steps)]

    linear = values(lambda sgd: lr.LinearLR(sgd, 0.2, 1.0, 8), 12)
    np.testing.assert_allclose(ours(Linear(0.1, 0.5, 8), 12), linear, rtol=1e-13)
    cosine = values(lambda sgd: lr.CosineAnnealingLR(sgd, 8, 0.1), 9)
    np.testing.assert_allclose(ours(Cosine(0.5, 8, 0.1), 9), cosine, rtol=1e-13)
    exponential = values(lambda sgd: lr.ExponentialLR(sgd, 0.9), 12)
    np.testing.assert_allclose(
        ours(Exponential(0.5, 0.9, 1), 12), exponential, rtol=1e-13
    )


def test_equal_optax():
    jax, optax = pytest.importorskip("jax"), pytest.importorskip("optax")
    jax.config.update("jax_enable_x64", True)
    pairs = [
        (Constant(0.3), optax.constant_schedule(0.3)),
        (Linear(0.1, 1.0, 8), optax.linear_schedule(0.1, 1.0, 8)),
        (Cosine(0.5, 8, 0.1), optax.cosine_decay_schedule(0.5, 8, 0.2)),
        (Exponential(0.5, 0.9, 4), optax.exponential_decay(0.5, 4, 0.9)),
        (
            WarmUp(Cosine(0.5, 8, 0.1), 4, 0.2),
            optax.warmup_cosine_decay_schedule(0.2, 0.5, 4, 12, 0.1),
        ),
    ]
    for ours, theirs in pairs:
        for step in range(16):
            desired = float(theirs(jax.numpy.asarray(step)))
            assert ours(step) == pytest.approx(desired, rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_traced_steps(schedule):
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    traced = jax.jit(lambda step: value_at(schedule, step))
    for step in range(16):
        assert float(traced(step)) == pytest.approx(schedule(step), rel=1e-12)


def test_warm_up_to_a_schedule_that_traces():
    jax, optax = pytest.importorskip("jax"), pytest.importorskip("optax")
    jax.config.update("jax_enable_x64", True)
    schedule = WarmUp(optax.cosine_decay_schedule(0.5, 8, 0.2), 4, 0.2)
    desired = WarmUp(Cosine(0.5, 8, 0.1), 4, 0.2)
    for step in range(16):
        assert value_at(schedule, step) == pytest.approx(desired(step), rel=1e-6)
        assert float(jax.jit(schedule)(step)) == pytest.approx(desired(step), rel=1e-6)


def test_any_callable_is_a_schedule():
    assert value_at(lambda step: np.float32(step), 3) == 3.0
    assert type(value_at(lambda step: np.float32(step), 3)) is float
    assert value_at(0.25, 3) == 0.25


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Constant(float("inf")), "Constant expected `value` finite, got inf."),
        (
            lambda: Linear(float("nan"), 1, 2),
            "Linear expected `start` finite, got nan.",
        ),
        (lambda: Linear(0, float("inf"), 2), "Linear expected `end` finite, got inf."),
        (lambda: Linear(0, 1, 0), "Linear expected `steps` >= 1, got 0."),
        (lambda: Cosine(float("inf"), 2), "Cosine expected `start` finite, got inf."),
        (lambda: Cosine(1, -2), "Cosine expected `steps` >= 1, got -2."),
        (
            lambda: Exponential(1, 0, 3),
            "Exponential expected `rate` finite and > 0, got 0.",
        ),
        (lambda: Exponential(1, 0.5, 0), "Exponential expected `steps` >= 1, got 0."),
        (lambda: WarmUp(0.1, 0), "WarmUp expected `steps` >= 1, got 0."),
        (
            lambda: WarmUp(0.1, 3, float("inf")),
            "WarmUp expected `start` finite, got inf.",
        ),
    ],
)
def test_ranges(make, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        make()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Constant("1"), "Constant expected a number `value`, got '1'."),
        (
            lambda: Linear(0, 1, 2.0),
            "Linear expected an integer `steps`, got 2.0.",
        ),
        (
            lambda: WarmUp("cosine", 3),
            "WarmUp expected a number or schedule `schedule`, got 'cosine'.",
        ),
    ],
)
def test_kinds(make, message):
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        make()
