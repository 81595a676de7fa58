"""Gradients by other means than ours: central differences, torch's and JAX's autodiff.

A point is a nested dict of NumPy arrays; a function maps it, or the same tree of torch
or JAX arrays, to one number.
"""

from functools import partial

import numpy as np
import pytest

from support.libraries import make_library
from varlayers.tree import leaves, map_leaves

AUTODIFF = ("torch", "jax")


def direction_at(point, seed=0):
    """Return a random tree of the same shapes."""
    rng = np.random.default_rng(seed)
    return map_leaves(lambda p: rng.normal(size=np.shape(p)), point)


def directional_derivative(function, point, direction, step=1e-3):
    """Return the derivative along `direction`, by the five-point central difference."""

    def at(t):
        return float(function(map_leaves(lambda p, d: p + t * d, point, direction)))

    near, far = at(step) - at(-step), at(2 * step) - at(-2 * step)
    return (8 * near - far) / (12 * step)


def autodiff(engine, function, point, *, jit=False):
    """Return the gradient of function(library, point) by torch or JAX, as NumPy.

    With `jit` JAX compiles it as a whole: faster for a network, slower for a few lines.
    Skips the test where the engine is not installed.
    """
    library = make_library(engine)
    gradient = {"torch": _torch_gradient, "jax": _jax_gradient}[engine]
    value = partial(function, library)
    return map_leaves(library.to_numpy, gradient(value, library.tree(point), jit))


def _torch_gradient(function, point, _):
    import torch

    point = map_leaves(lambda p: p.requires_grad_(), point)
    gradients = torch.autograd.grad(
        function(point), leaves(point), allow_unused=True, materialize_grads=True
    )
    in_order = iter(gradients)
    return map_leaves(lambda _: next(in_order), point)


def _jax_gradient(function, point, jit):
    import jax

    gradient = jax.grad(function)
    return (jax.jit(gradient) if jit else gradient)(point)


def assert_directional(function, point, gradient, *, seed=0, tolerance=1e-8):
    """Hold a gradient against central differences in a random direction.

    The tolerance is relative to the largest share of one leaf in the derivative.
    """
    direction = direction_at(point, seed)
    numeric = directional_derivative(function, point, direction)
    shares = map_leaves(lambda g, d: float(np.sum(g * d)), gradient, direction)
    largest = max(abs(share) for share in leaves(shares))
    assert sum(leaves(shares)) == pytest.approx(numeric, rel=0, abs=tolerance * largest)


def assert_equal_trees(actual, desired, tolerance=1e-12):
    """Compare trees of NumPy arrays, each leaf relative to its largest entry."""

    def compare(one, other):
        assert one.shape == other.shape
        largest = float(np.max(np.abs(other), initial=0.0))
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance * largest)

    map_leaves(compare, actual, desired)
