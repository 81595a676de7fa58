"""Gradient descent against torch, optax and its own formula."""

import re

import numpy as np
import pytest
from support.descent import (
    assert_close,
    descend,
    gradient,
    start,
    with_optax,
    with_torch,
)

from varlayers.optimizers import SGD, Cosine
from varlayers.tree import map_leaves

CASES = [
    SGD(0.1),
    SGD(0.1, weight_decay=0.3),
    SGD(0.1, momentum=0.9),
    SGD(0.1, momentum=0.9, weight_decay=0.3),
    SGD(0.1, momentum=0.9, nesterov=True),
    SGD(0.1, momentum=0.9, nesterov=True, weight_decay=0.3),
]


@pytest.mark.parametrize("sgd", CASES, ids=str)
def test_equals_torch(sgd):
    torch = pytest.importorskip("torch")
    desired = with_torch(
        lambda tensors: torch.optim.SGD(
            tensors,
            sgd.learning_rate,
            momentum=sgd.momentum,
            nesterov=sgd.nesterov,
            weight_decay=sgd.weight_decay,
        ),
        steps=20,
    )
    assert_close(descend(sgd, 20)[0], desired, 1e-12)


@pytest.mark.parametrize("sgd", CASES, ids=str)
def test_equals_optax(sgd):
    optax = pytest.importorskip("optax")
    transform = optax.chain(
        optax.add_decayed_weights(sgd.weight_decay),
        optax.sgd(sgd.learning_rate, sgd.momentum or None, sgd.nesterov),
    )
    assert_close(descend(sgd, 20)[0], with_optax(transform, 20), 1e-12)


def test_a_schedule_is_read_at_the_updates_done():
    torch = pytest.importorskip("torch")

    def make(tensors):
        sgd = torch.optim.SGD(tensors, 0.5, momentum=0.9)
        return sgd, torch.optim.lr_scheduler.CosineAnnealingLR(sgd, 12, 0.05)

    sgd = SGD(Cosine(0.5, 12, 0.05), momentum=0.9)
    assert_close(descend(sgd, 12)[0], with_torch(make, 12), 1e-12)


def test_one_plain_step_by_hand():
    params, grads = start(), gradient(start(), 0)
    after, state = SGD(0.25, weight_decay=0.5).update(grads, {"step": 0}, start())
    desired = params["bias"] - 0.25 * (grads["bias"] + 0.5 * params["bias"])
    np.testing.assert_allclose(after["bias"], desired, rtol=1e-15)
    assert state == {"step": 1}


def test_only_momentum_has_a_velocity():
    assert SGD(0.1).init(start()) == {"step": 0}
    state = SGD(0.1, momentum=0.5).init(start())
    assert state.keys() == {"step", "velocity"}
    assert_close(state["velocity"], map_leaves(np.zeros_like, start()), 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"learning_rate": -0.1},
            "SGD expected `learning_rate` finite and >= 0, got -0.1.",
        ),
        (
            {"learning_rate": 0.1, "momentum": 1.0},
            "SGD expected `momentum` in [0, 1), got 1.0.",
        ),
        (
            {"learning_rate": 0.1, "weight_decay": -1},
            "SGD expected `weight_decay` finite and >= 0, got -1.",
        ),
        (
            {"learning_rate": 0.1, "nesterov": True},
            "SGD expected `momentum` > 0 with nesterov, got 0.0.",
        ),
    ],
)
def test_ranges(arguments, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        SGD(**arguments)


def test_kind_of_the_learning_rate():
    message = "^SGD expected a number or schedule `learning_rate`, got '0.1'.$"
    with pytest.raises(TypeError, match=message):
        SGD("0.1")
