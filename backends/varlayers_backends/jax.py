"""Kernels for JAX arrays and tracers: the standard's gaps, filled by JAX's own."""

from collections.abc import Callable, Hashable
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy import special

from varlayers.kernels import Kernels
from varlayers.random import Key

__all__ = ["JaxKernels"]


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
        compiled = _jit(function)

        def call(static: Hashable, *arguments: Any) -> Any:
            return compiled(static, *map(_traceable, arguments))

        return call

    def erf(self, x: jax.Array) -> jax.Array:
        return special.erf(x)

    def gammaln(self, x: jax.Array) -> jax.Array:
        return special.gammaln(x)

    def ndtri(self, x: jax.Array) -> jax.Array:
        return special.ndtri(x)

    def log_softmax(self, logits: jax.Array) -> jax.Array:
        return jax.nn.log_softmax(logits, axis=-1)


@cache
def _jit(function: Callable[..., Any]) -> Callable[..., Any]:
    return jax.jit(function, static_argnums=0)


def _traceable(argument: Any) -> Any:
    """Return a key with words that JAX traces as 32-bit unsigned, all else as it is."""
    if isinstance(argument, Key):
        return Key(*(jnp.asarray(word, dtype=jnp.uint32) for word in argument))
    return argument
