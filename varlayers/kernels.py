"""`Kernels`: every primitive that a backend may do faster, specified once.

The bodies here are plain array-API code and *the specification*: a backend subclasses
`Kernels`, overrides single methods, and must keep each docstring's contract. The test
suite finds the overrides by introspection and holds every one against its base.

The line is drawn where a step spends its time beside the matrix products: random
numbers, convolutions, pooling, and the passes over the weights and over the outputs.

Every method returns arrays of the library, dtype and device of its array arguments and
leaves those unchanged, except where a name ends in an underscore: such a method may
overwrite the arrays that its docstring names, and callers use what it returns.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from varlayers.convolution_kernels import ConvolutionKernels
from varlayers.optimizer_kernels import OptimizerKernels
from varlayers.output_kernels import OutputKernels
from varlayers.pooling_kernels import PoolingKernels
from varlayers.precision import is_half
from varlayers.random import Key, Native, Source, threefry
from varlayers.types import Array, Shape

__all__ = ["Kernels"]


class Kernels(ConvolutionKernels, PoolingKernels, OutputKernels, OptimizerKernels):
    """Generic kernels for the array library whose namespace is `xp`."""

    def __init__(self, xp: Any) -> None:
        self.xp = xp

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.xp.__name__})"

    # ---- arrays ----------------------------------------------------------------

    def asarray(self, data: Any, like: Array) -> Array:
        """Return host data (nested lists, a NumPy array) with like's dtype, device."""
        return self.xp.asarray(data, dtype=like.dtype, device=self.device(like))

    def to_numpy(self, x: Array) -> Any:
        """Return x as a NumPy array on the host."""
        return np.from_dlpack(x)

    def compile(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return function(static, *arrays), compiled if the library has a compiler.

        `static` is hashable, a frozen description; the other arguments are keys,
        numbers and trees of arrays. The function is pure and defined in a module.
        """
        return function

    def matmul(self, a: Array, b: Array) -> Array:
        """Return the product of two matrices."""
        return self.xp.matmul(a, b)

    # ---- random numbers --------------------------------------------------------

    def words(self, key: Key, count: int, like: Array) -> Array:
        """Return `count` random 32-bit words of the key, unsigned, on like's device.

        Words 2j and 2j + 1 are Threefry-2x32 (13 rounds) of the key at counter (j, 0),
        so a longer draw starts with a shorter one.
        """
        xp, device = self.xp, self.device(like)
        k0, k1 = (xp.asarray(k, dtype=xp.uint32, device=device) for k in key)
        pairs = (count + 1) // 2
        j = xp.arange(pairs, dtype=xp.uint32, device=device)
        x0, x1 = threefry(
            Key(k0, k1), j, xp.zeros_like(j), rounds=13, wrap=lambda word: word
        )
        return xp.reshape(xp.stack([x0, x1], axis=1), (2 * pairs,))[:count]

    def uniform(self, source: Source, shape: Shape, like: Array) -> Array:
        """Draw from the 2**24 multiples of 2**-24 in [0, 1).

        Element j is the upper 24 bits of word j, exactly, in every dtype but those of
        16 bits, which hold the upper 11 (float16) or 8 (bfloat16).
        """
        if isinstance(source, Native):
            return self.native_uniform(source.generator, shape, like)
        xp = self.xp
        held = 1 - round(math.log2(float(xp.finfo(like.dtype).eps)))
        bits = min(held, 24)
        words = self.words(source, math.prod(shape), like) >> (32 - bits)
        return xp.reshape(xp.astype(words, like.dtype) * 2.0**-bits, shape)

    def normal(self, source: Source, shape: Shape, like: Array) -> Array:
        """Draw from N(0, 1) by the Box-Muller transform.

        Elements 2j and 2j + 1 come from words 2j and 2j + 1:

            r = sqrt(-2 log(word[2j] / 2**32 + 2**-33))     at most 6.77
            a = 2π word[2j + 1] / 2**32
            normal[2j], normal[2j + 1] = r cos a, r sin a

        Those of 16 bits are drawn in float32 and rounded.
        """
        if isinstance(source, Native):
            return self.native_normal(source.generator, shape, like)
        xp, count = self.xp, math.prod(shape)
        if is_half(xp, like.dtype):
            wide = xp.zeros((), dtype=xp.float32, device=self.device(like))
            return xp.astype(self.normal(source, shape, wide), like.dtype)
        pairs = (count + 1) // 2
        words = xp.reshape(self.words(source, 2 * pairs, like), (pairs, 2))
        unit = xp.astype(words, like.dtype) * 2.0**-32
        r = xp.sqrt(-2 * xp.log(unit[:, 0] + 2.0**-33))
        a = unit[:, 1] * (2 * math.pi)
        both = xp.stack([r * xp.cos(a), r * xp.sin(a)], axis=1)
        return xp.reshape(xp.reshape(both, (2 * pairs,))[:count], shape)

    def signs(self, source: Source, shape: Shape, like: Array) -> Array:
        """Draw -1 or 1 with equal probability; element 32 j + b is bit b of word j.

        A set bit is -1.
        """
        if isinstance(source, Native):
            half = self.native_uniform(source.generator, shape, like) < 0.5
            return 1 - 2 * self.xp.astype(half, like.dtype)
        xp, count = self.xp, math.prod(shape)
        words = self.words(source, -(-count // 32), like)
        bits = (words[:, None] >> self.bit_index(words)[None, :]) & 1
        flat = xp.reshape(1 - 2 * xp.astype(bits, like.dtype), (-1,))
        return xp.reshape(flat[:count], shape)

    def bit_index(self, words: Array) -> Array:
        """Return 0 to 31 with the dtype and device of words."""
        return self.xp.arange(32, dtype=words.dtype, device=self.device(words))

    def native_uniform(self, generator: Any, shape: Shape, like: Array) -> Array:
        """Draw from [0, 1) with the library's own generator, which advances."""
        raise NotImplementedError(self._no_generator(generator))

    def native_normal(self, generator: Any, shape: Shape, like: Array) -> Array:
        """Draw from N(0, 1) with the library's own generator, which advances."""
        raise NotImplementedError(self._no_generator(generator))

    def _no_generator(self, generator: Any) -> str:
        return (
            f"{self!r} cannot draw from {type(generator).__name__}. "
            "Draw from a key: varlayers.key(seed)."
        )

    # ---- elementwise functions -------------------------------------------------

    def softplus(self, x: Array) -> tuple[Array, Array]:
        """Return log(1 + exp(x)) and its slope, the logistic sigmoid of x.

        Both to a few units in the last place, without overflow: at x = -1000 they are
        0 and 0, at x = 1000 they are 1000 and 1.
        """
        xp = self.xp
        t = xp.exp(xp.where(x > 0, -x, x))  # not abs: a host differentiates this at 0
        value = xp.where(x > 0, x, xp.zeros_like(x)) + xp.log1p(t)
        return value, xp.where(x >= 0, xp.ones_like(x), t) / (1 + t)

    def erf(self, x: Array) -> Array:
        """Return the error function."""
        return self._on_host("erf", x)

    def gammaln(self, x: Array) -> Array:
        """Return the logarithm of the gamma function, for x > 0."""
        return self._on_host("gammaln", x)

    def digamma(self, x: Array) -> Array:
        """Return the derivative of `gammaln`, for x > 0."""
        return self._on_host("digamma", x)

    def ndtri(self, x: Array) -> Array:
        """Return the quantile function of N(0, 1), for 0 < x < 1."""
        return self._on_host("ndtri", x)

    def _on_host(self, name: str, x: Array) -> Array:
        from scipy import special

        return self.asarray(getattr(special, name)(self.to_numpy(x)), x)

    # ---- passes over the weights -----------------------------------------------

    def scale_normal(self, rho: Array, shift: float) -> tuple[Array, Array]:
        """Return scale = softplus(rho) + shift and its slope, sigmoid(rho)."""
        scale, slope = self.softplus(rho)
        return scale + shift, slope

    def multiply(self, x: Array, y: Array) -> Array:
        """Return x y."""
        return x * y

    def add_product(self, z: Array, x: Array, y: Array) -> Array:
        """Return z + x y."""
        return z + x * y

    def sample_normal_backward(self, slope: Array, eps: Array, dw: Array) -> Array:
        """Return drho = dw eps slope, for w = loc + scale eps."""
        return dw * eps * slope

    def variance_normal_backward(
        self, scale: Array, slope: Array, dvar: Array
    ) -> Array:
        """Return drho = 2 scale dvar slope, for the variance scale²."""
        return 2 * scale * dvar * slope

    def add_kl_normal_(
        self,
        loc: Array,
        scale: Array,
        slope: Array,
        prior_loc: Array,
        prior_scale: Array,
        weight: float,
        dloc: Array,
        drho: Array,
    ) -> tuple[Array, Array, Array]:
        """Add the gradient of KL(N(loc, scale²) ‖ N(prior_loc, prior_scale²)).

            d = (loc - prior_loc) / prior_scale     r = scale / prior_scale
            kl = Σ (d² + r² - 1) / 2 - log r
            dloc += weight d / prior_scale
            drho += weight (r / prior_scale slope - slope / scale)

        where slope is the derivative of scale by rho. Where scale = 0 the divergence is
        infinite and slope / scale is taken as 1, its limit for scale = softplus(rho).
        May overwrite dloc and drho.

        Returns:
            kl, a scalar array in nats, and dloc, drho.
        """
        xp = self.xp
        d, r = (loc - prior_loc) / prior_scale, scale / prior_scale
        positive = scale > 0
        ratio = xp.where(positive, slope / xp.where(positive, scale, 1.0), 1.0)
        log_r = xp.where(positive, xp.log(xp.where(positive, r, 1.0)), -math.inf)
        kl = xp.sum(0.5 * (d * d + r * r - 1) - log_r)
        dloc = dloc + weight * (d / prior_scale)
        drho = drho + weight * (r / prior_scale * slope - ratio)
        return kl, dloc, drho
