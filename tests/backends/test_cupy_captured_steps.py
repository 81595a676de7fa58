"""Training steps of every kind are captured as graphs, and learn what plain ones do.

On the host in a device's place; `test_cupy_graphs` has the details.
"""

import numpy as np
import pytest
from support import fake_cupy
from support.graphs import switched_on
from support.steps import EVERY_STEP

import varlayers as vl
from varlayers import tree
from varlayers.training.step import _step

fake_cupy.kernels_class()

# These use products of vectors, QR or groups of channels, which CuPy does not capture.
PLAIN = {
    "layer Convolution causal",
    "layer ConvolutionTranspose padded",
    "posterior full-covariance normal",
    "posterior low-rank normal",
    "posterior matrix normal",
    "posterior rank-1 normal",
}


def on_device(x):
    return fake_cupy.ndarray(np.array(x)) if hasattr(x, "dtype") else x


def trained(step, elbo, x, targets):
    """Return parameters and losses after a few steps."""
    train, losses = vl.TrainingStep(elbo), []
    start = elbo.init(vl.key(1), like=x)
    params, state = (
        tree.map_leaves(on_device, each) for each in (start, train.rule.init(start))
    )
    x, targets = on_device(x), on_device(targets)
    for number in range(3):
        params, state, loss = step(
            train, params, state, x, targets, vl.key(5), number, 0.7
        )
        losses.append(float(loss.loss.get()))
    return params, losses


@pytest.mark.slow
@pytest.mark.parametrize("name", EVERY_STEP)
def test_step(name, monkeypatch):
    with switched_on(monkeypatch) as graphs:
        problem, captured = EVERY_STEP[name](), graphs.Captured(_step)
        params, losses = trained(captured, *problem)
        (graph,) = captured._graphs.values()
        assert (graph is None) == (name in PLAIN)
        monkeypatch.setenv("VARLAYERS_CUDA_GRAPHS", "0")
        desired, right = trained(_step, *problem)
    np.testing.assert_allclose(losses, right, rtol=1e-5, atol=1e-6)
    for one, other in zip(tree.leaves(params), tree.leaves(desired), strict=True):
        np.testing.assert_allclose(one.get(), other.get(), rtol=2e-4, atol=2e-5)


def test_exceptions_are_steps():
    assert EVERY_STEP.keys() >= PLAIN
