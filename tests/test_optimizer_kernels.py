"""The update rules against their formulas, generic and as overridden."""

import numpy as np
import pytest
from support.libraries import assert_same

from varlayers.dispatch import kernels_for
from varlayers.kernels import Kernels


@pytest.fixture(params=["generic", "own"])
def k(request, library):
    """The generic kernels on each library, and those that dispatch finds for it."""
    if request.param == "generic":
        return Kernels(library.xp)
    return kernels_for(library.asarray(0.0))


def random(count):
    return np.random.default_rng(0).normal(size=(count, 2, 3))


@pytest.mark.parametrize("step", [1, 20])
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_adam(library, k, step, decay):
    param, grad, m, v = random(4)
    v = v**2
    options = {"rate": 0.1, "beta1": 0.9, "beta2": 0.99, "eps": 1e-2}
    placed = (library.asarray(array) for array in (param, grad, m, v))
    results = k.adam_(*placed, **options, decay=decay, step=step)
    actual = [library.to_numpy(result) for result in results]
    for index in np.ndindex(2, 3):
        p, g = param[index], grad[index]
        first = 0.9 * m[index] + 0.1 * g
        second = 0.99 * v[index] + 0.01 * g**2
        corrected = first / (1 - 0.9**step), second / (1 - 0.99**step)
        p = p - 0.1 * decay * p - 0.1 * corrected[0] / (corrected[1] ** 0.5 + 1e-2)
        found = [array[index] for array in actual]
        np.testing.assert_allclose(found, [p, first, second], rtol=1e-12)


@pytest.mark.parametrize("nesterov", [True, False])
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_sgd(library, k, nesterov, decay):
    param, grad, velocity = random(3)
    placed = (library.asarray(array) for array in (param, grad, velocity))
    options = {"rate": 0.1, "momentum": 0.9, "nesterov": nesterov, "decay": decay}
    actual = [library.to_numpy(result) for result in k.sgd_(*placed, **options)]
    for index in np.ndindex(2, 3):
        p = param[index]
        g = grad[index] + decay * p
        new = 0.9 * velocity[index] + g
        p = p - 0.1 * (g + 0.9 * new if nesterov else new)
        np.testing.assert_allclose([array[index] for array in actual], [p, new], 1e-12)


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_sgd_without_velocity(library, k, decay):
    param, grad = random(2)
    placed = library.asarray(param), library.asarray(grad)
    options = {"rate": 0.1, "momentum": 0.0, "nesterov": False, "decay": decay}
    actual, velocity = k.sgd_(*placed, None, **options)
    assert velocity is None
    desired = param - 0.1 * (grad + decay * param)
    assert_same(library, actual, desired, 1e-12)


def test_bias_of_a_traced_step_is_as_exact_as_its_dtype():
    jax = pytest.importorskip("jax")
    kernels = kernels_for(jax.numpy.zeros(1))

    def unbias(step):
        return [kernels._unbias(beta, step) for beta in (0.0, 0.9, 0.999)]

    for step in (1, 7, 1000):
        traced = jax.jit(unbias)(jax.numpy.int32(step))
        np.testing.assert_allclose(traced, unbias(step), rtol=3e-7)
