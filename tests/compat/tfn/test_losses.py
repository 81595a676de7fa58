"""Divergences are found in any nesting."""

import numpy as np
import pytest

import varlayers as vl
from varlayers.compat import tfn

X = np.ones((4, 3), np.float32)


def test_extra_loss_of_nested_layers():
    inner = tfn.Sequential([tfn.AffineVariationalFlipout(3, 3), "relu"])
    model = tfn.Sequential([inner, vl.Dense(3, 2, prior="laplace")])
    model(X)
    total = tfn.losses.compute_extra_loss(model)
    assert total == pytest.approx(float(sum(model.losses)))
    assert len(model.losses) == 3
    layer = inner[0]
    assert tfn.losses.compute_extra_loss(layer) == pytest.approx(sum(layer.losses))


def test_exact_divergence_of_the_default_prior():
    exact = tfn.losses.kl_divergence_exact
    sampled = tfn.losses.kl_divergence_monte_carlo
    kind, seed = tfn.AffineVariationalReparameterization, {"seed": 0, "name": "a"}
    best = kind(3, 2, divergence=exact, dtype="float64", **seed)
    layer = kind(3, 2, divergence=sampled, dtype="float64", **seed)
    draws = []
    for _ in range(2000):
        layer(X.astype(np.float64))
        draws.append(float(tfn.losses.compute_extra_loss(layer)))
    error = np.std(draws) / np.sqrt(len(draws))
    exact = float(tfn.losses.compute_extra_loss(best))
    assert abs(np.mean(draws) - exact) < 6 * error


def test_divergence_that_is_asked_for_must_be_the_layers():
    losses = tfn.losses
    model = tfn.Sequential([tfn.AffineVariationalFlipout(3, 3), "relu"])
    model(X)
    sampled = losses.compute_extra_loss(model, losses.kl_divergence_monte_carlo)
    assert sampled == losses.compute_extra_loss(model)
    with pytest.raises(
        ValueError, match=r"expected `loss_fn` 'monte carlo', as aff.*No"
    ):
        losses.compute_extra_loss(model, loss_fn=losses.kl_divergence_exact)
    points = tfn.Affine(3, 2)
    assert losses.compute_extra_loss(points, losses.kl_divergence_exact) == 0


def test_names_that_are_not_there():
    with pytest.raises(AttributeError, match=r"no 'negloglik'\. Use a likelihood"):
        _ = tfn.losses.negloglik
    with pytest.raises(AttributeError, match=r"tfn\.losses has no 'nll'\.$"):
        _ = tfn.losses.nll
