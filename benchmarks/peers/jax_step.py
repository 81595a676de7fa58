"""The step in JAX: one jitted function, donated buffers, Threefry, Adam by hand."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, random, tree
from peers.problem import BETA1, BETA2, EPS, NUM_DATA, RATE, data, parameters


def reparameterization(
    key: Array, x: Array, loc: Array, scale: Array, bias: Array
) -> Array:
    """Sample the weights."""
    return x @ (loc + scale * random.normal(key, scale.shape)) + bias


def local(key: Array, x: Array, loc: Array, scale: Array, bias: Array) -> Array:
    """Sample the outputs; the constant keeps the gradient of the root finite."""
    deviation = jnp.sqrt(x**2 @ scale**2 + 1e-12)
    return x @ loc + bias + deviation * random.normal(key, deviation.shape)


def flipout(key: Array, x: Array, loc: Array, scale: Array, bias: Array) -> Array:
    """Sample one perturbation, and signs for every example."""
    key, key_in, key_out = random.split(key, 3)
    delta = scale * random.normal(key, scale.shape)
    perturbed = (x * signs(key_in, x.shape)) @ delta
    return x @ loc + bias + perturbed * signs(key_out, perturbed.shape)


def signs(key: Array, shape: tuple[int, ...]) -> Array:
    """Draw -1 or 1, one bit each."""
    size = math.prod(shape)
    words = random.bits(key, (size // 32 + 1, 1))
    bits = (words >> jnp.arange(32, dtype=jnp.uint32)) & 1
    return (1 - 2 * bits.astype(jnp.float32)).reshape(-1)[:size].reshape(shape)


def make_step(estimator: str, compiled: bool) -> Callable[[], float]:
    """Return a function that takes one training step and returns the loss."""
    layer = globals()[estimator]
    x, targets = map(jnp.asarray, data())

    def objective(params: list[tuple[Array, ...]], x: Array, key: Array) -> Array:
        h, kl = x, 0.0
        for index, (loc, rho, bias) in enumerate(params):
            scale = jax.nn.softplus(rho)
            h = jax.nn.relu(h) if index else h
            h = layer(random.fold_in(key, index), h, loc, scale, bias)
            kl = kl + jnp.sum((loc**2 + scale**2 - 1) / 2 - jnp.log(scale))
        rows = jnp.arange(len(targets))
        return kl / NUM_DATA - jnp.mean(jax.nn.log_softmax(h)[rows, targets])

    def update(params: Any, m: Any, v: Any, count: Array, x: Array) -> tuple[Any, ...]:
        key = random.fold_in(random.key(0), count)
        loss, grads = jax.value_and_grad(objective)(params, x, key)
        m = tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, m, grads)
        v = tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, v, grads)
        rate = RATE / (1 - BETA1 ** (count + 1))
        unbias = 1 / (1 - BETA2 ** (count + 1))
        params = tree.map(
            lambda p, m, v: p - rate * m / (jnp.sqrt(v * unbias) + EPS), params, m, v
        )
        return params, m, v, count + 1, loss

    if compiled:
        update = jax.jit(update, donate_argnums=(0, 1, 2, 3))
    params = tree.map(jnp.asarray, parameters())
    m, v = tree.map(jnp.zeros_like, params), tree.map(jnp.zeros_like, params)
    state = [params, m, v, jnp.float32(0)]

    def step() -> float:
        *state[:], loss = update(*state, x)
        return float(loss)

    return step
