"""Activation functions, each a pair: forward to (y, saved), backward to dx.

    relu         y = max(x, 0)              dx = dy        (0 where x <= 0)
    leaky_relu   y = x or x / 100           dx = dy or dy / 100
    elu          y = x or exp(x) - 1        dx = dy or dy (y + 1)
    gelu         y = x Φ(x)                 dx = dy (Φ(x) + x φ(x))
    silu         y = x σ(x)                 dx = dy σ(x) (1 + x (1 - σ(x)))
    tanh         y = tanh x                 dx = dy (1 - y²)
    sigmoid      y = σ(x)                   dx = dy y (1 - y)
    softplus     y = log(1 + exp x)         dx = dy σ(x)

"or" chooses by x > 0. Φ and φ are the normal distribution function and density, σ the
logistic sigmoid. A NaN in x comes out as NaN. Shapes: x and y alike.

Reference: Clevert, Unterthiner & Hochreiter (2016), arXiv:1511.07289 (elu); Hendrycks &
Gimpel (2016), arXiv:1606.08415 (gelu, silu).
"""

import math
from collections.abc import Callable
from typing import NamedTuple

from varlayers.kernels import Kernels
from varlayers.types import Array, Saved

__all__ = ["ACTIVATIONS", "Elementwise"]

_LEAK = 0.01


class Elementwise(NamedTuple):
    """An elementwise function and its derivative: module-level functions."""

    forward: Callable[[Kernels, Array], tuple[Array, Saved]]
    backward: Callable[[Kernels, Saved, Array], Array]


def _relu(k: Kernels, x: Array) -> tuple[Array, Saved]:
    y = k.relu(x)
    return y, (y,)


def _relu_backward(k: Kernels, saved: Saved, dy: Array) -> Array:
    (y,) = saved
    return k.relu_backward(y, dy)


def _leaky_relu(k: Kernels, x: Array) -> tuple[Array, Saved]:
    return k.xp.where(x > 0, x, _LEAK * x), (x,)


def _leaky_relu_backward(k: Kernels, saved: Saved, dy: Array) -> Array:
    (x,) = saved
    return k.xp.where(x > 0, dy, _LEAK * dy)


def _elu(k: Kernels, x: Array) -> tuple[Array, Saved]:
    y = k.xp.where(x > 0, x, k.xp.expm1(-k.xp.abs(x)))
    return y, (x, y)


def _elu_backward(k: Kernels, saved: Saved, dy: Array) -> Array:
    x, y = saved
    return k.xp.where(x > 0, dy, dy * (y + 1))


def _gelu(k: Kernels, x: Array) -> tuple[Array, Saved]:
    phi = 0.5 * (1 + k.erf(x * math.sqrt(0.5)))
    return x * phi, (x, phi)


def _gelu_backward(k: Kernels, saved: Saved, dy: Array) -> Array:
    x, phi = saved
    density = k.xp.exp(-0.5 * x * x) * (1 / math.sqrt(2 * math.pi))
    return dy * (phi + x * density)


def _silu(k: Kernels, x: Array) -> tuple[Array, Saved]:
    sigmoid = k.softplus(x)[1]
    return x * sigmoid, (x, sigmoid)


def _silu_backward(k: Kernels, saved: Saved, dy: Array) -> Array:
    x, sigmoid = saved
    return dy * sigmoid * (1 + x * (1 - sigmoid))


def _tanh(k: Kernels, x: Array) -> tuple[Array, Saved]:
    y = k.xp.tanh(x)
    return y, (y,)


def _tanh_backward(k: Kernels, saved: Saved, dy: Array) -> Array:
    (y,) = saved
    return dy * (1 - y * y)


def _sigmoid(k: Kernels, x: Array) -> tuple[Array, Saved]:
    y = k.softplus(x)[1]
    return y, (y,)


def _sigmoid_backward(k: Kernels, saved: Saved, dy: Array) -> Array:
    (y,) = saved
    return dy * y * (1 - y)


def _softplus(k: Kernels, x: Array) -> tuple[Array, Saved]:
    y, slope = k.softplus(x)
    return y, (slope,)


def _softplus_backward(k: Kernels, saved: Saved, dy: Array) -> Array:
    (slope,) = saved
    return dy * slope


ACTIVATIONS = {
    "relu": Elementwise(_relu, _relu_backward),
    "leaky_relu": Elementwise(_leaky_relu, _leaky_relu_backward),
    "elu": Elementwise(_elu, _elu_backward),
    "gelu": Elementwise(_gelu, _gelu_backward),
    "silu": Elementwise(_silu, _silu_backward),
    "tanh": Elementwise(_tanh, _tanh_backward),
    "sigmoid": Elementwise(_sigmoid, _sigmoid_backward),
    "softplus": Elementwise(_softplus, _softplus_backward),
}
