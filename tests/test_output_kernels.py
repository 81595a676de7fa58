"""The passes over outputs against their formulas, generic and as overridden."""

import numpy as np
import pytest

from varlayers.dispatch import kernels_for
from varlayers.kernels import Kernels


@pytest.fixture(params=["generic", "own"])
def k(request, library):
    """The generic kernels on each library, and those that dispatch finds for it."""
    if request.param == "generic":
        return Kernels(library.xp)
    return kernels_for(library.asarray(0.0))


@pytest.mark.parametrize("shape", [(3,), (5, 3), (2, 4, 3), (0, 3)])
def test_channels(library, k, shape):
    rng = np.random.default_rng(0)
    y, b = rng.normal(size=shape), rng.normal(size=3)
    total = library.to_numpy(k.sum_channels(library.asarray(y)))
    added = library.to_numpy(k.add_channels_(library.asarray(y), library.asarray(b)))
    np.testing.assert_allclose(total, y.reshape(-1, 3).sum(axis=0), rtol=1e-12)
    np.testing.assert_allclose(added, y + b, rtol=1e-12)


def test_relu(library, k):
    x, dy = np.array([-2.0, 0.0, 3.0, np.nan]), np.array([5.0, 6.0, 7.0, 8.0])
    y = k.relu(library.asarray(x))
    dx = k.relu_backward(y, library.asarray(dy))
    np.testing.assert_array_equal(library.to_numpy(y), [0, 0, 3, np.nan])
    np.testing.assert_array_equal(library.to_numpy(dx), [0, 0, 7, 0])


@pytest.mark.parametrize("shape", [(3,), (5, 3), (2, 4, 3), (0, 3), (5, 1)])
def test_cross_entropy(library, k, shape):
    rng = np.random.default_rng(0)
    z, t = 3 * rng.normal(size=shape), rng.uniform(size=shape)
    value, gradient = k.cross_entropy(library.asarray(z), library.asarray(t))
    p = np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True)
    assert tuple(value.shape) == shape[:-1]
    np.testing.assert_allclose(
        library.to_numpy(value), -(t * np.log(p)).sum(axis=-1), rtol=1e-12, atol=1e-12
    )
    np.testing.assert_allclose(
        library.to_numpy(gradient),
        p * t.sum(axis=-1, keepdims=True) - t,
        rtol=1e-12,
        atol=1e-12,
    )


def test_cross_entropy_is_what_torch_differentiates(library, k):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    z, t = 5 * rng.normal(size=(20, 7)), rng.uniform(size=(20, 7))
    t[rng.uniform(size=t.shape) < 0.3] = 0
    logits = torch.tensor(z, requires_grad=True)
    desired = -(torch.tensor(t) * torch.log_softmax(logits, dim=-1)).sum(dim=-1)
    desired.sum().backward()
    for actual, other in zip(
        k.cross_entropy(library.asarray(z), library.asarray(t)),
        (desired.detach(), logits.grad),
        strict=True,
    ):
        np.testing.assert_allclose(
            library.to_numpy(actual), other, rtol=1e-12, atol=1e-12
        )


def test_cross_entropy_where_a_class_is_impossible(library, k):
    """A target of 0 adds nothing there; any other costs all there is."""
    z = library.asarray([[0, -np.inf, 0], [0, -np.inf, 0], [np.nan, 0, 0], [9, 8, 7]])
    t = library.asarray([[1.0, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 0]])
    with np.errstate(all="ignore"):
        value, gradient = map(library.to_numpy, k.cross_entropy(z, t))
    np.testing.assert_allclose(value, [np.log(2), np.inf, np.nan, 0], rtol=1e-12)
    desired = [[-0.5, 0, 0.5], [0.5, -1, 0.5], [np.nan] * 3, [0, 0, 0]]
    np.testing.assert_allclose(gradient, desired, rtol=1e-12)
