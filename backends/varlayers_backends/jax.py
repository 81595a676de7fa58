"""Kernels for JAX arrays and tracers: the standard's gaps, filled by JAX's own."""

import logging
from collections.abc import Callable, Hashable, Iterator
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend.random import threefry_2x32
from jax.scipy import special

from varlayers.kernels import Kernels
from varlayers.random import PARITY, ROTATIONS, Key
from varlayers.types import Shape
from varlayers.windows import Window

__all__ = ["JaxKernels", "child_key"]

_LOG = logging.getLogger("varlayers")


class JaxKernels(Kernels):
    """The generic kernels trace and compile as they are; XLA fuses them."""

    def __init__(self) -> None:
        super().__init__(jnp)

    def asarray(self, data: Any, like: jax.Array) -> jax.Array:
        with jax.ensure_compile_time_eval():  # a tracer must not outlive its trace
            return jnp.asarray(data, dtype=like.dtype, device=self.device(like))

    def device(self, x: jax.Array) -> Any:
        return None if isinstance(x, jax.core.Tracer) else x.device

    def to_numpy(self, x: jax.Array) -> Any:
        return np.asarray(x)

    def compile(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return _compiled(function)

    def words(self, key: Key, count: int, like: jax.Array) -> jax.Array:
        return _words(*(jnp.asarray(word, dtype=jnp.uint32) for word in key), count)

    def erf(self, x: jax.Array) -> jax.Array:
        return special.erf(x)

    def gammaln(self, x: jax.Array) -> jax.Array:
        return special.gammaln(x)

    def digamma(self, x: jax.Array) -> jax.Array:
        return special.digamma(x)

    def ndtri(self, x: jax.Array) -> jax.Array:
        return special.ndtri(x)

    def log_softmax(self, logits: jax.Array) -> jax.Array:
        return jax.nn.log_softmax(logits, axis=-1)

    def conv(self, x: jax.Array, w: jax.Array, window: Window) -> jax.Array:
        return _conv(x, w, window)

    def conv_adjoint_x(
        self, dy: jax.Array, w: jax.Array, x_shape: Shape, window: Window
    ) -> jax.Array:
        return _conv_adjoint_x(dy, w, tuple(x_shape), window)

    def conv_adjoint_w(
        self, x: jax.Array, dy: jax.Array, w_shape: Shape, window: Window
    ) -> jax.Array:
        return _conv_adjoint_w(x, dy, tuple(w_shape), window)


@partial(jax.jit, static_argnums=2)
def _conv(x: jax.Array, w: jax.Array, window: Window) -> jax.Array:
    rank = len(window.strides)
    axes = tuple(range(1, rank + 1))
    filter_axes = tuple(range(rank))
    return lax.conv_general_dilated(
        x,
        w,
        window_strides=window.strides,
        padding=window.pads,
        rhs_dilation=window.dilations,
        dimension_numbers=lax.ConvDimensionNumbers(
            (0, rank + 1, *axes), (rank + 1, rank, *filter_axes), (0, rank + 1, *axes)
        ),
        feature_group_count=window.groups,
    )


@partial(jax.jit, static_argnums=(2, 3))
def _conv_adjoint_x(
    dy: jax.Array, w: jax.Array, x_shape: Shape, window: Window
) -> jax.Array:
    x = jax.ShapeDtypeStruct(x_shape, dy.dtype)
    return jax.linear_transpose(lambda x: _conv(x, w, window), x)(dy)[0]


@partial(jax.jit, static_argnums=(2, 3))
def _conv_adjoint_w(
    x: jax.Array, dy: jax.Array, w_shape: Shape, window: Window
) -> jax.Array:
    w = jax.ShapeDtypeStruct(w_shape, dy.dtype)
    return jax.linear_transpose(lambda w: _conv(x, w, window), w)(dy)[0]


@partial(jax.jit, static_argnums=2)
def _words(k0: jax.Array, k1: jax.Array, count: int) -> jax.Array:
    """Return `Kernels.words`: 3 times 4 of the 13 rounds in a loop, then the last.

    A loop stays apart from what uses the words. Written out, all rounds are made again
    for each bit of a word, and XLA may take hours to compile that.
    """
    schedule = jnp.stack([k0, k1, k0 ^ k1 ^ jnp.uint32(PARITY)])
    j = jnp.arange((count + 1) // 2, dtype=jnp.uint32)
    left = jnp.asarray(ROTATIONS, dtype=jnp.uint32).reshape(2, 4)

    def four(i: Any, words: Any) -> Any:
        x0, x1 = words
        for t in range(4):
            x0, x1 = _round(x0, x1, left[i % 2, t])
        n = jnp.asarray(i + 1, dtype=jnp.uint32)
        return x0 + schedule[n % 3], x1 + schedule[(n + 1) % 3] + n

    x0, x1 = lax.fori_loop(0, 3, four, (j + k0, jnp.zeros_like(j) + k1))
    return jnp.stack(_round(x0, x1, left[1, 0]), axis=1).reshape(-1)[:count]


def _round(x0: Any, x1: Any, left: Any) -> tuple[Any, Any]:
    x0 = x0 + x1
    return x0, (x1 << left | x1 >> (32 - left)) ^ x0


@cache
def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function, compiled where JAX can trace it.

    It cannot trace what needs values, such as a schedule that compares the step.
    """
    traced, plain = jax.jit(function, static_argnums=0), set()

    def call(static: Hashable, *arguments: Any) -> Any:
        if static not in plain:
            try:
                return traced(static, *_traceable(arguments))
            except Exception:  # of any kind; untraced it comes again, or is none
                _LOG.debug("%s is not traced", function, exc_info=True)
        made = function(static, *arguments)
        plain.add(static)
        return made

    return call


def child_key(k0: Any, k1: Any, data: Any, domain: int) -> tuple[jax.Array, jax.Array]:
    """Return the words of a key's child; see `varlayers.random.fold_in`.

    By JAX's own Threefry, which stays apart from what uses the key: written out, its
    rounds are made again for every word drawn, and XLA may take hours to compile that.
    """
    key, counter = (
        tuple(jnp.asarray(word, dtype=jnp.uint32) for word in pair)
        for pair in ((k0, k1), (data, domain))
    )
    words = threefry_2x32(key, jnp.stack(counter))
    return words[0], words[1]


def _traceable(arguments: tuple[Any, ...]) -> Iterator[Any]:
    """Yield arguments as they can be traced, and as they will be the next time.

    The words of a key are 32-bit unsigned. Where one array of a step is bound to a
    device, parameters and state come back bound to it, and so they are from the start;
    for others JAX would compile once more.
    """
    device = _device_of(arguments)
    for argument in arguments:
        if isinstance(argument, Key):
            yield Key(*map(_word, argument))
        elif isinstance(argument, dict) and device is not None:
            loose = any(map(_is_loose, jax.tree.leaves(argument)))
            bound = partial(_bound, device)
            yield jax.tree.map(bound, argument) if loose else argument
        else:
            yield argument


def _device_of(arguments: Any) -> jax.Device | None:
    """Return the device that an array is bound to, the first that is."""
    for x in jax.tree.leaves(arguments):
        if _is_bound(x):
            return x.device if isinstance(x.device, jax.Device) else None
    return None


def _word(word: Any) -> Any:
    """Return a word of a key, 32-bit unsigned; NumPy makes one much faster than JAX."""
    if isinstance(word, int):
        return np.uint32(word)
    return jnp.asarray(word, dtype=jnp.uint32)


def _is_loose(x: Any) -> bool:
    """Whether x is a count, or an array that is bound to no device."""
    return type(x) is int or _is_bound(x) is False


def _is_bound(x: Any) -> bool | None:
    """Whether an array is bound to a device; None of tracers and of what is none."""
    return None if isinstance(x, jax.core.Tracer) else getattr(x, "committed", None)


def _bound(device: jax.Device, x: Any) -> Any:
    return jax.device_put(x, device) if _is_loose(x) else x
