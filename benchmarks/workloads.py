"""What is timed, as data that every peer reads: layers, sizes, and first numbers.

    step      one training step: draw, forward, nll, KL, backward, Adam, loss fetched
    layer     draw, forward, backward by parameters and input; no update
    fit       a whole training run, timed by step
    predict   the mean probabilities over posterior samples

    loss = Σ nll / batch + Σ KL(N(loc, softplus(rho)²) ‖ N(0, 1)) / num_data

Biases are points without a divergence. Arrays are channels last, kernels
[*filter, in, out]. Data are synthetic: only the time is of interest. All peers start
from the same numbers, so their first results agree up to noise.

A workload is named with sizes that differ from its own: "mlp:width=800,batch=64".
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

__all__ = ["ESTIMATORS", "WORKLOADS", "Layer", "Unsupported", "Workload", "workload"]

ESTIMATORS = ("reparameterization", "local", "flipout")
RATE, BETA1, BETA2, EPS = 1e-3, 0.9, 0.999, 1e-8
NOISE = 1.0  # standard deviation of a regression's target

Parameters = list[tuple[np.ndarray, np.ndarray, np.ndarray]]


class Unsupported(Exception):
    """The peer has no such layer, or no such estimator."""


@dataclass(frozen=True)
class Layer:
    """One layer with weights, and the names of what follows it.

    Padding is "same". A transposed layer has `stride` outputs per input; it drops
    `filter - stride` of its ends, the odd one at the start, as all peers can.
    """

    inputs: int
    outputs: int
    filter: tuple[int, ...] = ()
    stride: int = 1
    transposed: bool = False
    then: tuple[str, ...] = ()  # "relu", "pool" (by 2), "flatten"

    @property
    def kernel_shape(self) -> tuple[int, ...]:
        return (*self.filter, self.inputs, self.outputs)

    @property
    def crop(self) -> tuple[int, int]:
        """What a transposed layer drops at (start, end) of each axis."""
        total = self.filter[0] - self.stride
        return -(-total // 2), total // 2


@dataclass(frozen=True)
class Workload:
    """Layers, the shape of their input, and what is done with them."""

    layers: tuple[Layer, ...]
    x_shape: tuple[int, ...]
    what: str = "step"
    estimators: tuple[str, ...] = ESTIMATORS
    num_data: int = 60_000
    samples: int = 1  # of the posterior, for "predict"
    epochs: int = 1  # for "fit"

    @property
    def batch(self) -> int:
        return self.x_shape[0]

    @property
    def is_regression(self) -> bool:
        return self.layers[-1].outputs == 1

    @property
    def steps(self) -> int:
        """How many steps are timed as one."""
        return self.epochs * self.num_data // self.batch if self.what == "fit" else 1

    def shapes(self) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
        """Return the shapes of input and output of each layer, before what follows."""
        shapes, shape = [], self.x_shape
        for layer in self.layers:
            n, *space, _ = shape
            if layer.transposed:
                space = [size * layer.stride for size in space]
            out = (n, *space, layer.outputs)
            shapes.append((shape, out))
            for name in layer.then:
                if name == "pool":
                    space = [size // 2 for size in space]
            shape = (n, *space, layer.outputs)
            if "flatten" in layer.then:
                shape = (n, math.prod(shape[1:]))
        return shapes

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Return x, and targets or, for a single layer, the gradient of its output.

        For "fit" they hold the whole data set, else a batch.
        """
        rng = np.random.default_rng(0)
        n = self.num_data if self.what == "fit" else self.batch
        x = rng.random((n, *self.x_shape[1:]), np.float32)
        if self.what == "layer":
            return x, rng.standard_normal(self.shapes()[-1][1], np.float32)
        if self.is_regression:
            return x, np.sin(x.sum(axis=1, keepdims=True))
        return x, rng.integers(self.layers[-1].outputs, size=n)

    def parameters(self) -> Parameters:
        """Return (loc, rho, bias) of each layer: He, a scale of 0.1 / √fan, and 0."""
        rng = np.random.default_rng(1)
        parameters = []
        for layer in self.layers:
            fan = math.prod(layer.kernel_shape[:-1])
            bound, rho = math.sqrt(6 / fan), math.log(math.expm1(0.1 / math.sqrt(fan)))
            loc = rng.uniform(-bound, bound, layer.kernel_shape).astype(np.float32)
            kernel = loc, np.full_like(loc, rho)
            parameters.append((*kernel, np.zeros(layer.outputs, np.float32)))
        return parameters


def mlp(width: int = 400, batch: int = 128) -> Workload:
    """784-400-400-10."""
    return Workload(_dense(784, width, width, 10), (batch, 784))


def mlp_big(width: int = 2048, batch: int = 512) -> Workload:
    """1024-2048-2048-10."""
    return Workload(_dense(1024, width, width, 10), (batch, 1024))


def lenet(batch: int = 64) -> Workload:
    """Two convolutions with pooling, two dense layers, on 28x28."""
    layers = (
        Layer(1, 32, (5, 5), then=("relu", "pool")),
        Layer(32, 64, (5, 5), then=("relu", "pool", "flatten")),
        *_dense(7 * 7 * 64, 512, 10),
    )
    return Workload(layers, (batch, 28, 28, 1))


def conv2d(channels: int = 64, batch: int = 32, size: int = 32) -> Workload:
    """One layer 3x3, 64 to 64 channels, on 32x32."""
    layer = Layer(channels, channels, (3, 3))
    return Workload((layer,), (batch, size, size, channels), "layer")


def conv3d(batch: int = 8, size: int = 16) -> Workload:
    """One layer 3x3x3, 16 to 32 channels, on 16x16x16."""
    return Workload((Layer(16, 32, (3, 3, 3)),), (batch, *[size] * 3, 16), "layer")


def conv_t2d(batch: int = 32, size: int = 14) -> Workload:
    """One transposed layer 5x5, stride 2, 32 to 16 channels, 14x14 to 28x28."""
    layer = Layer(32, 16, (5, 5), stride=2, transposed=True)
    return Workload((layer,), (batch, size, size, 32), "layer")


def tiny(width: int = 50, batch: int = 32) -> Workload:
    """8-50-1, the regression network of the UCI tables."""
    return Workload(_dense(8, width, 1), (batch, 8), num_data=1024)


def tiny_fit(width: int = 50, batch: int = 32, epochs: int = 10) -> Workload:
    """The same, trained for ten epochs of 1,024 examples."""
    return replace(tiny(width, batch), what="fit", epochs=epochs)


def predict(width: int = 400, batch: int = 1000, samples: int = 100) -> Workload:
    """100 posterior samples of `mlp` over 1,000 inputs."""
    return replace(
        mlp(width, batch),
        what="predict",
        estimators=ESTIMATORS[:1],
        samples=samples,
    )


WORKLOADS: dict[str, Callable[..., Workload]] = {
    "mlp": mlp,
    "mlp_big": mlp_big,
    "lenet": lenet,
    "conv2d": conv2d,
    "conv3d": conv3d,
    "convT2d": conv_t2d,
    "tiny": tiny,
    "tiny_fit": tiny_fit,
    "predict": predict,
}


def workload(name: str) -> Workload:
    """Return the workload "name" or "name:size=number,…".

    Raises:
        ValueError: if the name, or that of a size, is unknown.
    """
    base, _, sizes = name.partition(":")
    pairs = [size.partition("=") for size in sizes.split(",") if size]
    try:
        return WORKLOADS[base](**{key: int(value) for key, _, value in pairs})
    except (KeyError, TypeError, ValueError) as error:
        msg = (
            f"workload expected one of {', '.join(WORKLOADS)}, with sizes as in "
            f"mlp:width=800,batch=64, got {name!r}: {error}."
        )
        raise ValueError(msg) from None


def _dense(*sizes: int) -> tuple[Layer, ...]:
    """Return dense layers with relu between them."""
    *hidden, last = (Layer(*pair) for pair in pairwise(sizes))
    return (*(replace(layer, then=("relu",)) for layer in hidden), last)
