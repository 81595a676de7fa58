"""TensorFlow Probability's layers (tfp.layers, tf_keras) in one tf.function a step.

The fastest form known: data as constants of the graph, the legacy Adam, one fused
operation per variable; as a plain graph, which wins on convolutions and Flipout, and
compiled by XLA, which wins on small networks and local reparameterization.
"""

import os
from collections.abc import Callable
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
import tf_keras

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

SUFFIX = {
    "reparameterization": "Reparameterization",
    "local": "LocalReparameterization",
    "flipout": "Flipout",
}
AFTER = {
    "relu": tf_keras.layers.ReLU,
    "pool": tf_keras.layers.MaxPool2D,
    "flatten": tf_keras.layers.Flatten,
}


def describe() -> str:
    """Return the versions."""
    return f"TFP {tfp.__version__}, TensorFlow {tf.__version__}"


def built(layer: Layer, estimator: str, num_data: int | None) -> Any:
    """Return the library's layer; without `num_data` it computes no divergence."""
    rank, suffix = len(layer.filter), SUFFIX[estimator]
    kind = f"Convolution{rank}D{suffix}" if rank else f"Dense{suffix}"
    if layer.transposed or not hasattr(tfp.layers, kind):
        msg = f"tfp.layers has no {kind}{', transposed' * layer.transposed}"
        raise Unsupported(msg)

    def divergence(q: Any, p: Any, _: Any) -> Any:
        return tfp.distributions.kl_divergence(q, p) / num_data

    settings: dict[str, Any] = {
        "kernel_divergence_fn": None if num_data is None else divergence
    }
    if rank:
        settings |= {"kernel_size": layer.filter, "padding": "same"}
    return getattr(tfp.layers, kind)(layer.outputs, **settings)


def network(workload: Workload, estimator: str, num_data: int | None) -> Any:
    """Return the model with the numbers that all peers start from."""
    parts = []
    for layer in workload.layers:
        parts.append(built(layer, estimator, num_data))
        parts += [AFTER[name]() for name in layer.then]
    model = tf_keras.Sequential(parts)
    model.build(workload.x_shape)
    numbers = [array for arrays in workload.parameters() for array in arrays]
    model.set_weights(numbers)
    return model


def function(step: Any, mode: str) -> Any:
    """Return the step as a graph, or compiled."""
    return tf.function(step, jit_compile=mode == "XLA")


def make_step(workload: Workload, estimator: str, mode: str) -> Callable[[], Any]:
    """Return the function to time."""
    makers = {"layer": layer_step, "predict": predict_step, "step": training_step}
    if workload.what not in makers:
        msg = "TFP has no loop of its own that is faster: see tiny"
        raise Unsupported(msg)
    return makers[workload.what](workload, estimator, mode)


def training_step(workload: Workload, estimator: str, mode: str) -> Any:
    """Return gradient and Adam's step."""
    x, targets = map(tf.constant, workload.data())
    model = network(workload, estimator, workload.num_data)
    adam = tf_keras.optimizers.legacy.Adam(RATE, BETA1, BETA2, EPS)

    def update() -> Any:
        with tf.GradientTape() as tape:
            loss = nll(workload, model(x), targets) + tf.add_n(model.losses)
        variables = model.trainable_variables
        adam.apply_gradients(
            zip(tape.gradient(loss, variables), variables, strict=True)
        )
        return loss

    compiled = function(update, mode)
    return lambda: float(compiled())


def nll(workload: Workload, h: Any, targets: Any) -> Any:
    """Return minus the mean log-likelihood."""
    if workload.is_regression:
        constant = np.float32(np.log(NOISE) + np.log(2 * np.pi) / 2)
        return tf.reduce_mean(((h - targets) / NOISE) ** 2) / 2 + constant
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, h)
    return tf.reduce_mean(losses)


def layer_step(workload: Workload, estimator: str, mode: str) -> Any:
    """Return forward and backward of a single layer."""
    x, dy = map(tf.constant, workload.data())
    model = network(workload, estimator, None)

    def there_and_back() -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = model(x)
        leaves = [x, *model.trainable_variables]
        return y, *tape.gradient(y, leaves, output_gradients=dy)

    compiled = function(there_and_back, mode)
    return lambda: [result.numpy() for result in compiled()[:4]]


def predict_step(workload: Workload, estimator: str, mode: str) -> Any:
    """Return the mean probabilities: a loop over the samples inside the graph."""
    x = tf.constant(workload.data()[0])
    model = network(workload, estimator, None)

    def mean() -> Any:
        total = tf.zeros((workload.batch, workload.layers[-1].outputs))
        for _ in tf.range(workload.samples):
            total += tf.nn.softmax(model(x))
        return total / workload.samples

    compiled = function(mean, mode)
    return lambda: compiled().numpy()
