"""Kernels for CuPy arrays: CUDA kernels of our own, and cupyx for special functions.

Random numbers, the passes over weights and outputs, the optimizers and max pooling are
one launch each (`cuda/*.cuh`), convolutions are matrix products (`cupy_convolution`).
These take arrays of one shape and one dtype: float16, which they compute with as
float32, float32 or float64. Whatever else goes to the generic code, which CuPy compiles
operation by operation. An array that is strided is copied first.

No method but `to_numpy` waits for the device or copies to the host. Sums are exact in
the dtype: TF32 is used only where the environment says CUPY_TF32=1 before CuPy's first
matrix product.

Never run on a device: the tests compile the kernels and run them on the host.
"""

import os
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import cupy
import numpy as np
from array_api_compat import cupy as xp
from cupyx.scipy import special

from varlayers.random import Key, Native, Source
from varlayers.types import Shape
from varlayers_backends import cupy_launch, cupy_products
from varlayers_backends.cupy_board import given
from varlayers_backends.cupy_graphs import captured
from varlayers_backends.cupy_launch import FLOATS, alike, each, new, plain
from varlayers_backends.cupy_numbers import Number
from varlayers_backends.cupy_sliding import CupySlidingKernels
from varlayers_backends.tracing import TRACING

__all__ = ["CupyKernels"]


class CupyKernels(CupySlidingKernels):
    """CuPy follows the array API; what a step repeats has kernels of its own."""

    def __init__(self) -> None:
        super().__init__(_namespace())

    def asarray(self, data: Any, like: Any) -> Any:
        make = partial(super().asarray, data, like)
        return make() if TRACING.board is None else TRACING.board.constant(make)

    def to_numpy(self, x: Any) -> Any:
        return x.get()

    def compile(self, function: Callable[..., Any]) -> Callable[..., Any]:
        if os.environ.get("VARLAYERS_CUDA_GRAPHS") != "1":
            return function
        return captured(function)

    def matmul(self, a: Any, b: Any) -> Any:
        return cupy_products.matmul(a, b)

    # ---- random numbers --------------------------------------------------------

    def words(self, key: Key, count: int, like: Any) -> Any:
        out, (*words, at) = new(like, (count,), np.uint32), given(np.uint32, *key)
        each("words", out, -(-count // 2), *words, count, out, at)
        return out

    def uniform(self, source: Source, shape: Shape, like: Any) -> Any:
        if isinstance(source, Native) or like.dtype not in FLOATS:
            return super().uniform(source, shape, like)
        out, (*words, at) = new(like, shape), given(np.uint32, *source)
        each("uniform", out, -(-out.size // 2), *words, out.size, out, at)
        return out

    def normal(self, source: Source, shape: Shape, like: Any) -> Any:
        if isinstance(source, Native) or like.dtype not in FLOATS:
            return super().normal(source, shape, like)
        out, (*words, at) = new(like, shape), given(np.uint32, *source)
        each("normal", out, -(-out.size // 2), *words, out.size, out, at)
        return out

    def signs(self, source: Source, shape: Shape, like: Any) -> Any:
        if isinstance(source, Native) or like.dtype not in FLOATS:
            return super().signs(source, shape, like)
        out, (*words, at) = new(like, shape), given(np.uint32, *source)
        cupy_launch.signs("signs", out, out.size, *words, out.size, out, at)
        return out

    def native_uniform(self, generator: Any, shape: Shape, like: Any) -> Any:
        return generator.random(shape, dtype=like.dtype)

    def native_normal(self, generator: Any, shape: Shape, like: Any) -> Any:
        return generator.standard_normal(shape, dtype=like.dtype)

    # ---- elementwise functions -------------------------------------------------

    def softplus(self, x: Any) -> tuple[Any, Any]:
        return self.scale_normal(x, 0.0) if alike(x) else super().softplus(x)

    def erf(self, x: Any) -> Any:
        return special.erf(x)

    def gammaln(self, x: Any) -> Any:
        return special.gammaln(x)

    def digamma(self, x: Any) -> Any:
        return special.digamma(x)

    def ndtri(self, x: Any) -> Any:
        return special.ndtri(x)

    # ---- passes over the weights -----------------------------------------------

    def scale_normal(self, rho: Any, shift: float) -> tuple[Any, Any]:
        if not alike(rho):
            return super().scale_normal(rho, shift)
        scale, slope = new(rho), new(rho)
        n = rho.size
        each("scale_normal", rho, n, plain(rho), float(shift), n, scale, slope)
        return scale, slope

    def add_product(self, z: Any, x: Any, y: Any) -> Any:
        if not alike(z, x, y):
            return super().add_product(z, x, y)
        return _pass("add_product", z, x, y)

    def sample_normal_backward(self, slope: Any, eps: Any, dw: Any) -> Any:
        if not alike(slope, eps, dw):
            return super().sample_normal_backward(slope, eps, dw)
        return _pass("sample_normal_backward", slope, eps, dw)

    def variance_normal_backward(self, scale: Any, slope: Any, dvar: Any) -> Any:
        if not alike(scale, slope, dvar):
            return super().variance_normal_backward(scale, slope, dvar)
        return _pass("variance_normal_backward", scale, slope, dvar)

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
        if (
            not alike(loc, scale, slope, dloc, drho)
            or not (_is_number(weight) or isinstance(weight, Number))
            or not all(_is_number(x) or _repeats(x, loc) for x in prior)
        ):
            return super().add_kl_normal_(loc, scale, slope, *prior, weight, dloc, drho)
        dloc, drho, n = plain(dloc), plain(drho), loc.size
        arrays = [plain(x) for x in (loc, scale, slope)]
        parts = new(loc, (cupy_launch.parts_of(n),), cupy_launch.real_of(loc.dtype))
        if all(map(_is_number, prior)):
            name, told = "add_kl_normal", [float(x) for x in prior]
        else:
            name, priors = "add_kl_normal_arrays", [_array(x, loc) for x in prior]
            told = [part for x in priors for part in (x, max(1, x.size))]
        factor, at = given(cupy_launch.real_of(loc.dtype), weight)
        arguments = *arrays, *told, factor, n, dloc, drho, parts, at
        cupy_launch.parts(name, loc, parts.size, *arguments)
        kl = new(loc, ())
        cupy_launch.one_block("sum_parts", loc, parts, parts.size, kl)
        return kl, dloc, drho

    # ---- passes over the outputs -----------------------------------------------

    def local_noise(self, mean: Any, variance: Any, eps: Any) -> tuple[Any, Any]:
        if not alike(mean, variance, eps):
            return super().local_noise(mean, variance, eps)
        y, s, n = new(mean), new(mean), mean.size
        arrays = [plain(x) for x in (mean, variance, eps)]
        each("local_noise", mean, n, *arrays, n, y, s)
        return y, s

    def local_noise_backward(self, s: Any, eps: Any, dy: Any) -> Any:
        if not alike(s, eps, dy):
            return super().local_noise_backward(s, eps, dy)
        return _pass("local_noise_backward", s, eps, dy)

    def log_softmax(self, logits: Any) -> Any:
        if not alike(logits) or logits.shape[-1] == 0:
            return super().log_softmax(logits)
        out, width = new(logits), logits.shape[-1]
        count = logits.size // width
        cupy_launch.rows(
            "log_softmax", out, count, width, plain(logits), count, width, out
        )
        return out

    def cross_entropy(self, logits: Any, targets: Any) -> tuple[Any, Any]:
        if not alike(logits, targets) or logits.shape[-1] == 0:
            return super().cross_entropy(logits, targets)
        value, gradient = new(logits, logits.shape[:-1]), new(logits)
        count, width = value.size, logits.shape[-1]
        arrays = plain(logits), plain(targets), count, width, value, gradient
        cupy_launch.rows("cross_entropy", logits, count, width, *arrays)
        return value, gradient

    # ---- optimizers ------------------------------------------------------------

    def adam_(
        self, param: Any, grad: Any, m: Any, v: Any, **options: Any
    ) -> tuple[Any, Any, Any]:
        if not alike(param, grad, m, v):
            return super().adam_(param, grad, m, v, **options)
        param, m, v, n = plain(param), plain(m), plain(v), param.size
        rate, step = options["rate"], options["step"]
        beta1, beta2 = float(options["beta1"]), float(options["beta2"])
        fixed = beta1, 1 - beta1, beta2, 1 - beta2, float(options["eps"])
        *varying, at = given(
            cupy_launch.real_of(param.dtype),
            *(1 - beta2**step, rate / (1 - beta1**step)),
            1 - rate * float(options["decay"]),
        )
        each("adam", param, n, param, plain(grad), m, v, *fixed, *varying, n, at)
        return param, m, v

    def sgd_(
        self, param: Any, grad: Any, velocity: Any, **options: Any
    ) -> tuple[Any, Any]:
        moved = (param, grad) if velocity is None else (param, grad, velocity)
        if not alike(*moved):
            return super().sgd_(param, grad, velocity, **options)
        param, grad, n = plain(param), plain(grad), param.size
        rate, at = given(cupy_launch.real_of(param.dtype), options["rate"])
        decay = float(options["decay"])
        if velocity is None:
            each("descend", param, n, param, grad, rate, decay, n, at)
            return param, None
        velocity, nesterov = plain(velocity), np.int32(options["nesterov"])
        told = (rate, float(options["momentum"]), nesterov, decay)
        each("sgd", param, n, param, grad, velocity, *told, n, at)
        return param, velocity


def _namespace() -> ModuleType:
    """Return array_api_compat's namespace, but for `clip` and `astype`.

    Its own `clip` makes arrays of the bounds, each a copy from the host; and numbers on
    a board take the dtype of what they meet.
    """
    namespace = ModuleType(xp.__name__)
    vars(namespace).update({**vars(xp), "astype": _astype, "clip": _clip})
    return namespace


def _astype(x: Any, dtype: Any, /, **options: Any) -> Any:
    return x if isinstance(x, Number) else xp.astype(x, dtype, **options)


def _clip(x: Any, /, min: Any = None, max: Any = None) -> Any:  # noqa: A002
    return cupy.clip(x, min, max)


def _pass(name: str, *arrays: Any) -> Any:
    """Return what a kernel makes of arrays that are alike."""
    out = new(arrays[0])
    each(name, out, out.size, *map(plain, arrays), out.size, out)
    return out


def _is_number(x: Any) -> bool:
    return isinstance(x, int | float)


def _repeats(x: Any, like: Any) -> bool:
    """Whether x is an array that gives like's shape by repetition of its entries."""
    if not isinstance(x, cupy.ndarray):
        return False
    shape = like.shape[len(like.shape) - len(x.shape) :]
    return x.dtype == like.dtype and (x.shape == shape or x.size == 1)


def _array(x: Any, like: Any) -> Any:
    """Return a number, or an array that repeats, with its entries in a row."""
    if not _is_number(x):
        return plain(x)
    with like.device:
        return cupy.full((1,), x, like.dtype)
