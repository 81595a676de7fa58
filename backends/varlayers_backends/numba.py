"""Kernels for NumPy arrays, compiled by numba: every operation in one pass.

Compiled are the random numbers and the passes over weights and outputs, for arrays of
one shape and one dtype, float32 or float64. Whatever else goes to `NumpyKernels`. An
array that is strided or read-only is copied first, so that every loop is compiled once
per dtype.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from varlayers.random import Key, Native, Source
from varlayers.types import Shape
from varlayers.windows import Window
from varlayers_backends import (
    numba_blas,
    numba_convolution,
    numba_outputs,
    numba_passes,
    numba_pooling,
    numba_random,
    numba_replay,
    numba_sums,
    numba_updates,
)
from varlayers_backends.numba_arguments import (
    FLOATS,
    alike,
    are_rows,
    few,
    float_of,
    plain,
    team_for,
    word_of,
)
from varlayers_backends.numba_passes import BLOCK, GRAIN
from varlayers_backends.numpy import NumpyKernels
from varlayers_backends.numpy_buffers import empty

__all__ = ["NumbaKernels"]


class NumbaKernels(NumpyKernels):
    """NumPy's kernels, compiled."""

    def compile(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return numba_replay.replayed(function, self)

    # ---- random numbers --------------------------------------------------------

    def words(self, key: Key, count: int, like: Any) -> Any:
        out = empty((count,), np.uint32)
        numba_random.words(team_for(count), *map(word_of, key), out)
        return out

    def uniform(self, source: Source, shape: Shape, like: Any) -> Any:
        if isinstance(source, Native) or like.dtype not in FLOATS:
            return super().uniform(source, shape, like)
        return _drawn(numba_random.uniform, source, shape, like.dtype)

    def normal(self, source: Source, shape: Shape, like: Any) -> Any:
        if isinstance(source, Native) or like.dtype not in FLOATS:
            return super().normal(source, shape, like)
        return _drawn(numba_random.normal, source, shape, like.dtype)

    def signs(self, source: Source, shape: Shape, like: Any) -> Any:
        if isinstance(source, Native) or like.dtype not in FLOATS:
            return super().signs(source, shape, like)
        out = empty(shape, like.dtype)
        words = self.words(source, -(-out.size // 32), like)
        numba_random.signs(team_for(out.size), words, out.reshape(-1))
        return out

    # ---- matrix products -------------------------------------------------------

    def matmul(self, a: Any, b: Any) -> Any:
        c = numba_blas.matmul(a, b)
        return super().matmul(a, b) if c is None else c

    # ---- elementwise functions and passes over the weights ---------------------

    def softplus(self, x: Any) -> tuple[Any, Any]:
        return self.scale_normal(x, 0.0)

    def scale_normal(self, rho: Any, shift: float) -> tuple[Any, Any]:
        if not alike(rho):
            scale, slope = super().softplus(rho)
            return scale + shift, slope
        scale, slope = empty(rho.shape, rho.dtype), empty(rho.shape, rho.dtype)
        _run(numba_passes.softplus, (rho, scale, slope), shift)
        return scale, slope

    def multiply(self, x: Any, y: Any) -> Any:
        if few(x) or not alike(x, y):
            return super().multiply(x, y)
        out = empty(x.shape, x.dtype)
        _run(numba_passes.multiply, (x, y, out))
        return out

    def add_product(self, z: Any, x: Any, y: Any) -> Any:
        if few(z) or not alike(z, x, y):
            return super().add_product(z, x, y)
        out = empty(z.shape, z.dtype)
        _run(numba_passes.add_product, (z, x, y, out))
        return out

    def sample_normal_backward(self, slope: Any, eps: Any, dw: Any) -> Any:
        if few(slope) or not alike(slope, eps, dw):
            return super().sample_normal_backward(slope, eps, dw)
        return _product(1.0, dw, eps, slope)

    def variance_normal_backward(self, scale: Any, slope: Any, dvar: Any) -> Any:
        if few(scale) or not alike(scale, slope, dvar):
            return super().variance_normal_backward(scale, slope, dvar)
        return _product(2.0, scale, dvar, slope)

    def add_kl_normal_(
        self,
        loc: Any,
        scale: Any,
        slope: Any,
        prior_loc: Any,
        prior_scale: Any,
        weight: float,
        dloc: Any,
        drho: Any,
    ) -> tuple[Any, Any, Any]:
        prior = prior_loc, prior_scale
        if not (
            type(prior_loc) is type(prior_scale) is float
            and alike(loc, scale, slope, dloc, drho)
        ):
            return super().add_kl_normal_(
                loc, scale, slope, prior_loc, prior_scale, weight, dloc, drho
            )
        dloc, drho = plain(dloc), plain(drho)
        kl, sums = empty((), loc.dtype), empty((-(-loc.size // BLOCK),), np.float64)
        arrays, numbers = (loc, scale, slope, dloc, drho), (*prior, float_of(weight))
        _run(numba_passes.add_kl_normal, arrays, sums, kl.reshape(1), *numbers)
        return kl, dloc, drho

    # ---- passes over the outputs -----------------------------------------------

    def local_noise(self, mean: Any, variance: Any, eps: Any) -> tuple[Any, Any]:
        if few(mean) or not alike(mean, variance, eps):
            return super().local_noise(mean, variance, eps)
        y, s = empty(mean.shape, mean.dtype), empty(mean.shape, mean.dtype)
        _run(numba_outputs.local_noise, (mean, variance, eps, y, s))
        return y, s

    def local_noise_backward(self, s: Any, eps: Any, dy: Any) -> Any:
        if not alike(s, eps, dy):
            return super().local_noise_backward(s, eps, dy)
        out = empty(s.shape, s.dtype)
        _run(numba_outputs.local_noise_backward, (s, eps, dy, out))
        return out

    def log_softmax(self, logits: Any) -> Any:
        if not alike(logits) or not logits.size:
            return super().log_softmax(logits)
        out = empty(logits.shape, logits.dtype)
        rows = (-1, logits.shape[-1])
        team = team_for(logits.size)
        numba_outputs.log_softmax(team, plain(logits).reshape(rows), out.reshape(rows))
        return out

    def cross_entropy(self, logits: Any, targets: Any) -> tuple[Any, Any]:
        if not alike(logits, targets) or not logits.size:
            return super().cross_entropy(logits, targets)
        rows = (-1, logits.shape[-1])
        arrays = (plain(x).reshape(rows) for x in (logits, targets))
        value = empty(logits.shape[:-1], logits.dtype)
        gradient = empty(logits.shape, logits.dtype)
        made = value.reshape(-1), gradient.reshape(rows)
        numba_outputs.cross_entropy(team_for(logits.size), *arrays, *made)
        return value, gradient

    def add_channels_(self, y: Any, b: Any) -> Any:
        if few(y) or not are_rows(y, b):
            return super().add_channels_(y, b)
        y = plain(y)
        numba_outputs.add_channels(team_for(y.size), y.reshape(-1, b.size), plain(b))
        return y

    def sum_channels(self, dy: Any) -> Any:
        if few(dy) or not are_rows(dy):
            return super().sum_channels(dy)
        rows = plain(dy).reshape(-1, dy.shape[-1])
        grain = GRAIN // rows.shape[1] + 1
        parts, total = -(-len(rows) // grain), empty(dy.shape[-1:], dy.dtype)
        sums = empty((parts, *total.shape), dy.dtype)
        numba_outputs.sum_channels(team_for(dy.size), rows, sums, total, grain)
        return total

    def relu(self, x: Any) -> Any:
        if few(x) or not alike(x):
            return super().relu(x)
        y = empty(x.shape, x.dtype)
        _run(numba_outputs.relu, (x, y))
        return y

    def relu_backward(self, y: Any, dy: Any) -> Any:
        if few(y) or not alike(y, dy):
            return super().relu_backward(y, dy)
        out = empty(y.shape, y.dtype)
        _run(numba_outputs.relu_backward, (y, dy, out))
        return out

    # ---- convolutions ----------------------------------------------------------

    def convolver(self, window: Window, *arrays: Any) -> Any:
        if not numba_convolution.knows(window, *arrays):
            return super().convolver(window, *arrays)
        return numba_convolution

    # ---- pooling and up-sampling -----------------------------------------------

    def pooler(self, x: Any, filter_shape: Shape) -> Any:
        known = numba_pooling.knows(x, filter_shape)
        return numba_pooling if known else super().pooler(x, filter_shape)

    def resampler(self, x: Any) -> Any:
        return numba_sums if numba_sums.knows(x) else super().resampler(x)

    # ---- optimizers ------------------------------------------------------------

    def adam_(
        self, param: Any, grad: Any, m: Any, v: Any, **options: Any
    ) -> tuple[Any, Any, Any]:
        if not alike(param, grad, m, v):
            return super().adam_(param, grad, m, v, **options)
        param, m, v = plain(param), plain(m), plain(v)
        names = "rate", "beta1", "beta2", "eps", "decay", "step"
        numbers = (float_of(options[name]) for name in names)
        _run(numba_updates.adam, (param, grad, m, v), *numbers)
        return param, m, v

    def sgd_(
        self, param: Any, grad: Any, velocity: Any, **options: Any
    ) -> tuple[Any, Any]:
        if velocity is None or not alike(param, grad, velocity):
            return super().sgd_(param, grad, velocity, **options)
        param, velocity = plain(param), plain(velocity)
        _run(numba_updates.sgd, (param, grad, velocity), *_sgd_factors(**options))
        return param, velocity


def _run(kernel: Any, arrays: tuple[Any, ...], *numbers: Any) -> None:
    """Call a kernel with the arrays flat."""
    flat = [plain(array).reshape(-1) for array in arrays]
    kernel(team_for(flat[0].size), *flat, *numbers)


def _drawn(kernel: Any, key: Any, shape: Shape, dtype: Any) -> Any:
    out = empty(shape, dtype)
    kernel(team_for(out.size), *map(word_of, key), out.reshape(-1))
    return out


def _product(factor: float, x: Any, y: Any, z: Any) -> Any:
    out = empty(x.shape, x.dtype)
    _run(numba_passes.product, (x, y, z, out), factor)
    return out


def _sgd_factors(
    *, rate: float, momentum: float, nesterov: bool, decay: float
) -> tuple[float, ...]:
    """Return the numbers of `numba_updates.sgd`."""
    ahead = (1.0, momentum) if nesterov else (0.0, 1.0)
    return tuple(map(float_of, (rate, momentum, *ahead, decay)))
