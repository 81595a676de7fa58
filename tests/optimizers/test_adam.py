"""Adam and AdamW against torch, optax and corners known in closed form."""

import re

import numpy as np
import pytest
from support.descent import assert_close, descend, start, with_optax, with_torch

from varlayers.optimizers import Adam, AdamW, Exponential
from varlayers.tree import map_leaves

ADAMS = [Adam(), Adam(0.1, 0.8, 0.95, 1e-3), Adam(0.1, beta1=0.0, beta2=0.0)]
ADAMWS = [AdamW(), AdamW(0.1, 0.8, 0.95, 1e-3, 0.3)]


@pytest.mark.parametrize("adam", ADAMS, ids=str)
def test_adam_equals_torch(adam):
    torch = pytest.importorskip("torch")
    betas = (adam.beta1, adam.beta2)
    desired = with_torch(
        lambda tensors: torch.optim.Adam(tensors, adam.learning_rate, betas, adam.eps),
        20,
    )
    assert_close(descend(adam, 20)[0], desired, 1e-12)


@pytest.mark.parametrize("adamw", ADAMWS, ids=str)
def test_adamw_equals_torch(adamw):
    torch = pytest.importorskip("torch")
    desired = with_torch(
        lambda tensors: torch.optim.AdamW(
            tensors,
            adamw.learning_rate,
            (adamw.beta1, adamw.beta2),
            adamw.eps,
            adamw.weight_decay,
        ),
        20,
    )
    assert_close(descend(adamw, 20)[0], desired, 1e-12)


@pytest.mark.parametrize("adam", [*ADAMS, *ADAMWS], ids=str)
def test_both_equal_optax(adam):
    optax = pytest.importorskip("optax")
    transform = optax.adamw(
        adam.learning_rate,
        adam.beta1,
        adam.beta2,
        adam.eps,
        weight_decay=getattr(adam, "weight_decay", 0.0),
    )
    assert_close(descend(adam, 20)[0], with_optax(transform, 20), 1e-12)


def test_a_schedule_is_read_at_the_updates_done():
    torch = pytest.importorskip("torch")

    def make(tensors):
        adam = torch.optim.AdamW(tensors, 0.1, weight_decay=0.2)
        return adam, torch.optim.lr_scheduler.ExponentialLR(adam, 0.8)

    adam = AdamW(Exponential(0.1, 0.8, 1), weight_decay=0.2)
    assert_close(descend(adam, 12)[0], with_torch(make, 12), 1e-12)


def test_adamw_without_decay_is_adam():
    adam, adamw = descend(Adam(0.1), 5), descend(AdamW(0.1, weight_decay=0.0), 5)
    assert_close(adamw[0], adam[0], 0)
    assert_close(adamw[1], adam[1], 0)


def test_the_first_step_has_the_length_of_the_learning_rate():
    params = {"w": np.array([1.0, -2.0, 3.0])}
    grads = {"w": np.array([1e-3, -5.0, 1e6])}
    after, _ = Adam(0.1).update(grads, Adam().init(params), {"w": params["w"].copy()})
    np.testing.assert_allclose(after["w"] - params["w"], [-0.1, 0.1, -0.1], rtol=2e-5)


def test_zero_gradients_leave_the_parameters_alone():
    params, zeros = start(), map_leaves(np.zeros_like, start())
    state = Adam(0.1).init(params)
    for _ in range(3):
        params, state = Adam(0.1).update(zeros, state, params)
    assert_close(params, start(), 0)


@pytest.mark.parametrize("kind", [Adam, AdamW])
@pytest.mark.parametrize(
    ("argument", "value", "requirement"),
    [
        ("learning_rate", float("nan"), "finite and >= 0"),
        ("beta1", 1.0, "in [0, 1)"),
        ("beta2", -0.1, "in [0, 1)"),
        ("eps", 0.0, "finite and > 0"),
    ],
)
def test_ranges(kind, argument, value, requirement):
    message = f"{kind.__name__} expected `{argument}` {requirement}, got {value}."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        kind(**{argument: value})


def test_range_of_the_decay():
    message = "^AdamW expected `weight_decay` finite and >= 0, got -0.5.$"
    with pytest.raises(ValueError, match=message):
        AdamW(weight_decay=-0.5)


@pytest.mark.parametrize("kind", [Adam, AdamW])
def test_kinds(kind):
    message = f"^{kind.__name__} expected a number `beta1`, got None.$"
    with pytest.raises(TypeError, match=message):
        kind(beta1=None)
