"""Kernels for NumPy arrays: the same contracts, a cacheful at a time and in place.

What is here is what plain NumPy can do faster than the generic code. The passes over
weights need many calls, which pay on large arrays only, of one shape and one dtype,
float32 or float64; other arrays go to the generic bodies.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from varlayers.random import Key, Native, Source
from varlayers.types import Shape
from varlayers.windows import Window
from varlayers_backends import (
    numpy_convolution,
    numpy_groups,
    numpy_passes,
    numpy_pooling,
    numpy_random,
    numpy_sums,
)
from varlayers_backends.convolving import ConvolvingKernels
from varlayers_backends.numpy_buffers import empty

__all__ = ["NumpyKernels"]

_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
_LARGE = 4096  # elements from which fewer passes outweigh more calls
_SHORT = 64  # length up to which NumPy reduces columns faster than rows


class NumpyKernels(ConvolvingKernels):
    """The generic kernels, in fewer passes over memory."""

    def __init__(self) -> None:
        super().__init__(np)

    def to_numpy(self, x: Any) -> Any:
        return x

    # ---- random numbers --------------------------------------------------------

    def words(self, key: Key, count: int, like: Any) -> Any:
        return numpy_random.words(key, count)

    def uniform(self, source: Source, shape: Shape, like: Any) -> Any:
        if isinstance(source, Native) or like.dtype not in _FLOATS:
            return super().uniform(source, shape, like)
        return numpy_random.uniform(source, math.prod(shape), like.dtype).reshape(shape)

    def normal(self, source: Source, shape: Shape, like: Any) -> Any:
        if isinstance(source, Native) or like.dtype not in _FLOATS:
            return super().normal(source, shape, like)
        return numpy_random.normal(source, math.prod(shape), like.dtype).reshape(shape)

    def signs(self, source: Source, shape: Shape, like: Any) -> Any:
        if isinstance(source, Native):
            return super().signs(source, shape, like)
        return numpy_random.signs(source, math.prod(shape), like.dtype).reshape(shape)

    def native_uniform(self, generator: Any, shape: Shape, like: Any) -> Any:
        if not isinstance(generator, np.random.Generator):
            return super().native_uniform(generator, shape, like)
        return _draw(generator.random, shape, like.dtype)

    def native_normal(self, generator: Any, shape: Shape, like: Any) -> Any:
        if not isinstance(generator, np.random.Generator):
            return super().native_normal(generator, shape, like)
        return _draw(generator.standard_normal, shape, like.dtype)

    # ---- matrix products -------------------------------------------------------

    def matmul(self, a: Any, b: Any) -> Any:
        if not _plain(a, b):
            return super().matmul(a, b)
        return np.matmul(a, b, out=empty((a.shape[0], b.shape[1]), a.dtype))

    # ---- elementwise functions and passes over the weights ---------------------

    def multiply(self, x: Any, y: Any) -> Any:
        if not (_plain(x, y) and x.shape == y.shape):
            return super().multiply(x, y)
        return np.multiply(x, y, out=empty(x.shape, x.dtype))

    def add_product(self, z: Any, x: Any, y: Any) -> Any:
        if not (_plain(z, x, y) and z.shape == x.shape == y.shape):
            return super().add_product(z, x, y)
        out = self.multiply(x, y)
        return np.add(z, out, out=out)

    def softplus(self, x: Any) -> tuple[Any, Any]:
        if not _pays(x):
            return super().softplus(x)
        value, slope = (empty(x.shape, x.dtype) for _ in range(2))
        numpy_passes.softplus(x.reshape(-1), value.reshape(-1), slope.reshape(-1))
        return value, slope

    def scale_normal(self, rho: Any, shift: float) -> tuple[Any, Any]:
        scale, slope = self.softplus(rho)
        scale += shift
        return scale, slope

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
        if not _pays(loc, scale, slope, dloc, drho):
            with np.errstate(divide="ignore"):  # infinite where scale = 0
                return super().add_kl_normal_(
                    loc, scale, slope, prior_loc, prior_scale, weight, dloc, drho
                )
        dloc, drho = _writable(dloc), _writable(drho)
        kl = numpy_passes.add_kl_normal(
            *(x.reshape(-1) for x in (loc, scale, slope, dloc, drho)),
            prior_loc=_spread(prior_loc, loc),
            prior_scale=_spread(prior_scale, loc),
            weight=weight,
        )
        return np.array(kl, loc.dtype), dloc, drho

    # ---- passes over the outputs -----------------------------------------------

    def local_noise_backward(self, s: Any, eps: Any, dy: Any) -> Any:
        if not s.min(initial=np.inf) > 0:
            return super().local_noise_backward(s, eps, dy)
        return dy * eps / (2 * s)

    def log_softmax(self, logits: Any) -> Any:
        if logits.shape[-1] > _SHORT:
            return super().log_softmax(logits)
        columns = np.array(logits.reshape(-1, logits.shape[-1]).T, order="C")
        columns -= np.max(columns, axis=0)
        columns -= np.log(np.sum(np.exp(columns), axis=0))
        return np.ascontiguousarray(columns.T).reshape(logits.shape)

    def add_channels_(self, y: Any, b: Any) -> Any:
        if not (_plain(y, b) and y.flags.writeable):
            return super().add_channels_(y, b)
        return np.add(y, b, out=y)

    def relu(self, x: Any) -> Any:
        if not _plain(x):
            return super().relu(x)
        return np.maximum(x, 0, out=empty(x.shape, x.dtype))

    def relu_backward(self, y: Any, dy: Any) -> Any:
        if not (_plain(y, dy) and y.shape == dy.shape):
            return super().relu_backward(y, dy)
        return np.multiply(dy, y > 0, out=empty(dy.shape, dy.dtype))

    # ---- convolutions ----------------------------------------------------------

    def convolver(self, window: Window, *arrays: Any) -> Any:
        if not _plain(*arrays):
            return None
        return numpy_convolution if window.groups == 1 else numpy_groups

    # ---- pooling ---------------------------------------------------------------

    def pooler(self, x: Any, filter_shape: Shape) -> Any:
        """Return the module that takes the largest of each window; None for none."""
        return numpy_pooling if numpy_pooling.knows(x, filter_shape) else None

    def max_pool(self, x: Any, filter_shape: Shape, window: Window) -> tuple[Any, Any]:
        module: Any = self.pooler(x, filter_shape) or super()
        return module.max_pool(x, filter_shape, window)

    def max_pool_backward(
        self, dy: Any, index: Any, x_shape: Shape, filter_shape: Shape, window: Window
    ) -> Any:
        module: Any = self.pooler(dy, filter_shape) or super()
        return module.max_pool_backward(dy, index, x_shape, filter_shape, window)

    # ---- sums over windows, and up-sampling ------------------------------------

    def resampler(self, x: Any) -> Any:
        """Return the module with these methods for an array like x."""
        return numpy_sums

    def sum_pool(self, x: Any, filter_shape: Shape, window: Window) -> Any:
        return self.resampler(x).sum_pool(x, filter_shape, window)

    def sum_pool_adjoint(
        self, dy: Any, x_shape: Shape, filter_shape: Shape, window: Window
    ) -> Any:
        module = self.resampler(dy)
        return module.sum_pool_adjoint(dy, x_shape, filter_shape, window)

    def up_linear(self, x: Any, sizes: Shape) -> Any:
        return self.resampler(x).up_linear(x, sizes)

    def up_linear_adjoint(self, dy: Any, sizes: Shape) -> Any:
        return self.resampler(dy).up_linear_adjoint(dy, sizes)

    # ---- optimizers ------------------------------------------------------------

    def adam_(
        self, param: Any, grad: Any, m: Any, v: Any, **options: Any
    ) -> tuple[Any, Any, Any]:
        if not _pays(param, grad, m, v):
            return super().adam_(param, grad, m, v, **options)
        param, m, v = _writable(param), _writable(m), _writable(v)
        numpy_passes.adam(*(x.reshape(-1) for x in (param, grad, m, v)), **options)
        return param, m, v

    def sgd_(
        self, param: Any, grad: Any, velocity: Any, **options: Any
    ) -> tuple[Any, Any]:
        moved = (param, grad) if velocity is None else (param, grad, velocity)
        if not _pays(*moved):
            return super().sgd_(param, grad, velocity, **options)
        if velocity is None:
            param, rate, decay = _writable(param), options["rate"], options["decay"]
            numpy_passes.descend(
                param.reshape(-1), grad.reshape(-1), rate=rate, decay=decay
            )
            return param, None
        param, velocity = _writable(param), _writable(velocity)
        numpy_passes.sgd(*(x.reshape(-1) for x in (param, grad, velocity)), **options)
        return param, velocity


def _pays(first: Any, *others: Any) -> bool:
    """Whether the arrays are large, of one shape and of one dtype in _FLOATS."""
    shape, dtype = first.shape, first.dtype
    return (
        first.size >= _LARGE
        and dtype in _FLOATS
        and all(other.shape == shape and other.dtype == dtype for other in others)
    )


def _plain(first: Any, *others: Any) -> bool:
    """Whether the arrays are of one dtype in _FLOATS."""
    dtype = first.dtype
    return dtype in _FLOATS and all(other.dtype == dtype for other in others)


def _writable(x: Any) -> Any:
    """Return x, or a copy where it cannot be changed through a flat view."""
    flags = x.flags
    return x if flags.writeable and flags.c_contiguous else np.array(x, order="C")


def _spread(value: Any, like: Any) -> Any:
    """Return a number as a 0-d array, an array with one entry per element, flat."""
    value = np.asarray(value, like.dtype)
    return np.broadcast_to(value, like.shape).reshape(-1) if value.ndim else value


def _draw(draw: Callable[..., Any], shape: Shape, dtype: Any) -> Any:
    """Draw in the dtype where the generator can, else in float64 and convert."""
    if dtype in _FLOATS:
        return np.asarray(draw(shape, dtype=dtype))
    return np.asarray(draw(shape)).astype(dtype)
