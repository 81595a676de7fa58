"""Whole training steps stay on the device, and learn what NumPy's learn.

On the host in a device's place: `fake_cupy.TRANSFERS` has what a device would wait for.
"""

import numpy as np
import pytest
from support import fake_cupy
from support.host_kernels import needs_compiler

import varlayers as vl
from varlayers import tree
from varlayers.random import fold_in

fake_cupy.kernels_class()


@pytest.fixture(autouse=True)
def cupy():
    needs_compiler()
    with fake_cupy.installed() as module:
        yield module


def mlp(**options):
    layers = [
        vl.Dense(12, 16, **options),
        vl.Activation("relu"),
        vl.Dense(16, 3, **options),
    ]
    return vl.Sequential(layers), (20, 12)


def cnn(**options):
    layers = [
        vl.Convolution(2, 4, (3, 3), padding="same", **options),
        vl.Activation("relu"),
        vl.MaxPool(2),
        vl.Convolution(4, 5, (3, 3), strides=2, **options),
        vl.Activation("relu"),
        vl.Flatten(),
        vl.Dense(5 * 4 * 4, 3, **options),
    ]
    return vl.Sequential(layers), (6, 20, 20, 2)


def steps(elbo, params, x, targets, count=3):
    """Return the parameters and the last loss after a few steps of Adam."""
    optimizer, key = vl.Adam(1e-2), vl.key(1)
    state = optimizer.init(params)
    for step in range(count):
        loss, grads = elbo.value_and_grad(params, x, targets, fold_in(key, step))
        params, state = optimizer.update(grads, state, params)
    return params, loss


@pytest.mark.parametrize("estimator", ["reparameterization", "local", "flipout"])
@pytest.mark.parametrize("network", [mlp, cnn])
def test_step_stays_on_the_device(network, estimator):
    model, shape = network(estimator=estimator)
    elbo = vl.ELBO(model, vl.Categorical(), num_data=100, num_samples=2)
    rng = np.random.default_rng(0)
    x, targets = rng.standard_normal(shape), rng.integers(0, 3, shape[0])
    params = elbo.init(vl.key(0), like=x)
    placed = tree.map_leaves(lambda leaf: fake_cupy.ndarray(leaf.copy()), params)
    given = fake_cupy.ndarray(x), fake_cupy.ndarray(targets)
    fake_cupy.LAUNCHES.clear()
    fake_cupy.TRANSFERS.clear()
    actual, loss = steps(elbo, placed, *given)
    assert not fake_cupy.TRANSFERS
    assert {"scale_normal", "add_kl_normal", "adam"} <= set(fake_cupy.LAUNCHES)
    desired, expected = steps(elbo, params, x, targets)
    for one, other in zip(tree.leaves(actual), tree.leaves(desired), strict=True):
        np.testing.assert_allclose(one.get(), other, rtol=0, atol=1e-9)
    assert abs(loss.loss.item() - expected.loss) < 1e-9


@pytest.mark.parametrize(
    "look", [float, bool, int, lambda x: x.get(), lambda x: x.item()]
)
def test_look_at_a_value_is_counted(look):
    fake_cupy.TRANSFERS.clear()
    look(fake_cupy.ndarray(np.ones(())))
    assert len(fake_cupy.TRANSFERS) == 1


def test_array_that_is_sent_is_counted(cupy):
    fake_cupy.TRANSFERS.clear()
    cupy.asarray(np.ones(3)), cupy.asarray([1.0])
    assert fake_cupy.TRANSFERS == ["asarray"] * 2


def test_arrays_of_host_and_device_do_not_mix(cupy):
    x = fake_cupy.ndarray(np.ones(3))
    with pytest.raises(TypeError, match="Unsupported type"):
        cupy.add(x, np.ones(3))
    with pytest.raises(TypeError):
        np.ones(3) + x
    with pytest.raises(TypeError, match="Implicit conversion"):
        np.asarray(x)


@pytest.mark.parametrize("estimator", ["reparameterization", "local", "flipout"])
def test_half_precision_predicts_on_the_device(estimator):
    model, shape = cnn(estimator=estimator)
    elbo = vl.ELBO(model, vl.Categorical(), num_data=100)
    x = np.random.default_rng(0).standard_normal(shape).astype("float32")
    params = elbo.init(vl.key(0), like=x)
    half = tree.map_leaves(lambda leaf: fake_cupy.ndarray(leaf.astype("f2")), params)
    given = fake_cupy.ndarray(x.astype("f2"))
    fake_cupy.TRANSFERS.clear()
    actual = vl.predict(elbo, half, given, key=vl.key(1), num_samples=3)
    assert not fake_cupy.TRANSFERS
    expected = vl.predict(elbo, params, x, key=vl.key(1), num_samples=3)
    for one, other in zip(actual[:7], expected[:7], strict=True):
        assert one.dtype == "float32"
        np.testing.assert_allclose(one.get(), other, rtol=0, atol=4e-3)
