"""JAX: one jitted function a step, donated buffers, Threefry, Adam by hand.

The fastest form known: the whole step is one program, signs are one bit each, pooling
is a maximum over a reshaped array (the gradient of `reduce_window` is a slow scatter on
a CPU), convolutions are channels last. "rbg" keys are slower than Threefry here. `fit`
is one `lax.scan` over all steps of all epochs, shuffled anew in each.
"""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax, random, tree

from benchmarks.devices import on_gpu
from benchmarks.workloads import (
    BETA1,
    BETA2,
    EPS,
    NOISE,
    RATE,
    Layer,
    Unsupported,
    Workload,
)

if on_gpu():  # float32 is float32, as elsewhere
    jax.config.update("jax_default_matmul_precision", "highest")


def describe() -> str:
    """Return the version."""
    return f"JAX {jax.__version__}"


def reparameterization(key: Array, layer: Layer, x: Array, q: Any) -> Array:
    """Sample the weights."""
    loc, scale, bias = q
    return product(layer, x, loc + scale * random.normal(key, scale.shape)) + bias


def local(key: Array, layer: Layer, x: Array, q: Any) -> Array:
    """Sample the outputs; the constant keeps the gradient of the root finite."""
    loc, scale, bias = q
    deviation = jnp.sqrt(product(layer, x**2, scale**2) + 1e-12)
    noise = deviation * random.normal(key, deviation.shape)
    return product(layer, x, loc) + bias + noise


def flipout(key: Array, layer: Layer, x: Array, q: Any) -> Array:
    """Sample one perturbation, and signs for every example and channel."""
    loc, scale, bias = q
    key, key_in, key_out = random.split(key, 3)
    delta = scale * random.normal(key, scale.shape)
    ones = (1,) * (x.ndim - 2)
    signs_in = signs(key_in, (len(x), *ones, layer.inputs))
    signs_out = signs(key_out, (len(x), *ones, layer.outputs))
    return (
        product(layer, x, loc) + bias + signs_out * product(layer, x * signs_in, delta)
    )


ESTIMATOR = {
    "reparameterization": reparameterization,
    "local": local,
    "flipout": flipout,
}


def signs(key: Array, shape: tuple[int, ...]) -> Array:
    """Draw -1 or 1, one bit each."""
    size = math.prod(shape)
    words = random.bits(key, (size // 32 + 1, 1))
    bits = (words >> jnp.arange(32, dtype=jnp.uint32)) & 1
    return (1 - 2 * bits.astype(jnp.float32)).reshape(-1)[:size].reshape(shape)


def product(layer: Layer, x: Array, w: Array) -> Array:
    """Return the layer's bilinear map of input and weights."""
    rank = len(layer.filter)
    if not rank:
        return x @ w
    space = "DHW"[-rank:]
    names = (f"N{space}C", f"{space}IO", f"N{space}C")
    if not layer.transposed:
        ones = (1,) * rank
        return lax.conv_general_dilated(x, w, ones, "SAME", dimension_numbers=names)
    ends = tuple(n - 1 - drop for n, drop in zip(layer.filter, layer.crop, strict=True))
    return lax.conv_transpose(
        x, w, (layer.stride,) * rank, [ends] * rank, dimension_numbers=names
    )


def pooled(h: Array) -> Array:
    """Return the maximum of each 2x2."""
    n, height, width, c = h.shape
    return h.reshape(n, height // 2, 2, width // 2, 2, c).max((2, 4))


AFTER = {
    "relu": jax.nn.relu,
    "pool": pooled,
    "flatten": lambda h: h.reshape(len(h), -1),
}


def constrained(params: Any) -> list[tuple[Array, ...]]:
    """Return (loc, scale, bias) of each layer."""
    return [(loc, jax.nn.softplus(rho), bias) for loc, rho, bias in params]


def outputs(workload: Workload, estimator: str, q: Any, x: Array, key: Array) -> Array:
    """Return the network's output."""
    for index, (layer, arrays) in enumerate(zip(workload.layers, q, strict=True)):
        x = ESTIMATOR[estimator](random.fold_in(key, index), layer, x, arrays)
        for name in layer.then:
            x = AFTER[name](x)
    return x


def divergence(q: Any) -> Array:
    """Return the divergence from the prior."""
    return sum(
        jnp.sum((loc**2 + scale**2 - 1) / 2 - jnp.log(scale)) for loc, scale, _ in q
    )


def make_update(workload: Workload, estimator: str) -> Callable[..., Any]:
    """Return (state, x, targets) -> (state, loss)."""

    def objective(params: Any, x: Array, targets: Array, key: Array) -> Array:
        q = constrained(params)
        h = outputs(workload, estimator, q, x, key)
        if workload.is_regression:
            constant = math.log(NOISE) + math.log(2 * math.pi) / 2
            nll = jnp.mean(((h - targets) / NOISE) ** 2) / 2 + constant
        else:
            rows = jnp.arange(len(targets))
            nll = -jnp.mean(jax.nn.log_softmax(h)[rows, targets])
        return nll + divergence(q) / workload.num_data

    def update(state: Any, x: Array, targets: Array) -> Any:
        params, m, v, count = state
        key = random.fold_in(random.key(0), count)
        loss, grads = jax.value_and_grad(objective)(params, x, targets, key)
        m = tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, m, grads)
        v = tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, v, grads)
        rate = RATE / (1 - BETA1 ** (count + 1))
        unbias = 1 / (1 - BETA2 ** (count + 1))
        params = tree.map(
            lambda p, m, v: p - rate * m / (jnp.sqrt(v * unbias) + EPS), params, m, v
        )
        return (params, m, v, count + 1), loss

    return update


def parameters(workload: Workload) -> Any:
    """Return (loc, rho, bias) of each layer; JAX's transposed kernels are reversed."""
    numbers = zip(workload.layers, workload.parameters(), strict=True)
    return [
        tuple(jnp.asarray(reversed_filter(layer, array)) for array in arrays)
        for layer, arrays in numbers
    ]


def reversed_filter(layer: Layer, array: Any) -> Any:
    """Return the array as the layer's `product` takes it."""
    is_kernel = layer.transposed and array.ndim > 1
    return np.flip(array, range(len(layer.filter))) if is_kernel else array


def initial(workload: Workload) -> Any:
    """Return parameters, moments and step count."""
    params = parameters(workload)
    zeros = [tree.map(jnp.zeros_like, params) for _ in range(2)]
    return (params, *zeros, jnp.float32(0))


def make_step(workload: Workload, estimator: str, mode: str) -> Callable[[], Any]:
    """Return the function to time."""
    if on_gpu() and jax.default_backend() != "gpu":
        msg = "JAX finds no device"
        raise Unsupported(msg)
    x, targets = map(jnp.asarray, workload.data())
    if workload.what == "layer":
        return layer_step(workload, estimator, x, targets)
    if workload.what == "predict":
        return predict_step(workload, estimator, x)
    if workload.what == "fit":
        return fit_step(workload, estimator, x, targets)
    state = initial(workload)
    update = jax.jit(make_update(workload, estimator), donate_argnums=0)

    def step() -> float:
        nonlocal state
        state, loss = update(state, x, targets)
        return float(loss)

    return step


def layer_step(workload: Workload, estimator: str, x: Array, dy: Array) -> Any:
    """Return forward and backward of a single layer."""
    (layer,), (arrays,) = workload.layers, parameters(workload)

    @jax.jit
    def there_and_back(
        x: Array, loc: Array, rho: Array, bias: Array, key: Array
    ) -> Any:
        def forward(x: Array, loc: Array, rho: Array, bias: Array) -> Array:
            q = loc, jax.nn.softplus(rho), bias
            return ESTIMATOR[estimator](key, layer, x, q)

        y, back = jax.vjp(forward, x, loc, rho, bias)
        return y, *back(dy)

    key = random.key(0)

    def step() -> Any:
        nonlocal key
        key = random.fold_in(key, 1)
        results = there_and_back(x, *arrays, key)
        return jax.block_until_ready(results)[:4]

    return step


def predict_step(workload: Workload, estimator: str, x: Array) -> Any:
    """Return the mean probabilities: one program that loops over the samples."""
    params = parameters(workload)

    @jax.jit
    def mean(params: Any, x: Array, key: Array) -> Array:
        q = constrained(params)

        def add(total: Array, key: Array) -> tuple[Array, None]:
            h = outputs(workload, estimator, q, x, key)
            return total + jax.nn.softmax(h), None

        keys = random.split(key, workload.samples)
        zeros = jnp.zeros((len(x), workload.layers[-1].outputs))
        return lax.scan(add, zeros, keys)[0] / workload.samples

    return lambda: jax.block_until_ready(mean(params, x, random.key(0)))


def fit_step(workload: Workload, estimator: str, x: Array, targets: Array) -> Any:
    """Return a training run as one scanned loop; it gives the last epoch's loss."""
    update = make_update(workload, estimator)

    def epoch(state: Any, key: Array) -> Any:
        order = random.permutation(key, len(x)).reshape(-1, workload.batch)
        return lax.scan(lambda s, rows: update(s, x[rows], targets[rows]), state, order)

    @jax.jit
    def run(state: Any, key: Array) -> Array:
        _, losses = lax.scan(epoch, state, random.split(key, workload.epochs))
        return losses[-1].mean()

    state = initial(workload)
    return lambda: float(run(state, random.key(0)))
