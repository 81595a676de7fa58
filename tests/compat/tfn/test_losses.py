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
