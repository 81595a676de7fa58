"""Mathematics for compiled loops: no calls, no branches, so that LLVM vectorizes them.

Functions of one float, float32 or float64, from the series alone:

    exp x     2ⁿ eʳ,  n = round(x / ln 2),  r = x - n ln 2      eʳ = Σ rᵏ / k!
    log x     e ln 2 + 2 artanh z,  x = 2ᵉ m,  z = (m - 1) / (m + 1),  √½ <= m < √2
    log1p t   2 artanh z,  z = t / (2 + t)      2 artanh z = Σ 2 z²ᵏ⁺¹ / (2k + 1)
    sin 2πu, cos 2πu                            at u less its nearest quarter, turned

Each series ends where what is left out is below half a unit in the last place.

`kernel` compiles a loop and keeps the result on disk, where there is a place for it.
numba looks at the file of a kernel, not at what the kernel calls: after a change of
this file, touch those that use it.
"""

import math
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
from numba import njit
from numba.extending import overload

from varlayers_backends.tracing import TRACING

__all__ = ["cos_sin", "exp", "inner", "kernel", "log", "log1p"]

# Divisions by 0 give infinity; a multiplication and an addition may be one operation.
_OPTIONS: Any = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}}

_INLINED: Any = {
    **_OPTIONS,
    "forceinline": True,
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}

inner = njit(**_INLINED)


class _Kernel:
    """A loop that is compiled on its first call, for the types of its arguments.

    Attributes:
        compiled: numba's dispatcher.
    """

    def __init__(self, compiled: Any) -> None:
        self.compiled = compiled

    def __call__(self, *arguments: Any) -> Any:
        tape = TRACING.loops
        if tape is not None:
            return tape.run(self.compiled, arguments)
        return self.compiled(*arguments)


def kernel(function: Callable[..., Any]) -> _Kernel:
    """Compile a function on its first call, for the types of its arguments."""
    try:
        return _Kernel(njit(cache=True, **_OPTIONS)(function))
    except RuntimeError:  # no directory in which to keep it
        return _Kernel(njit(**_OPTIONS)(function))


class _Constants:
    """What the formulas need in one dtype."""

    def __init__(self, dtype: Any, word: Any, terms: tuple[int, ...]) -> None:
        info = np.finfo(dtype)
        self.dtype, self.word = dtype, word
        self.bits, self.bias = word(info.nmant), word(info.maxexp - 1)
        self.one, self.two = dtype(1), dtype(2)
        # Adding it rounds to an integer, found in the lowest bits of the sum.
        self.rounder = dtype(1.5 * 2.0**info.nmant)
        self.least = dtype(math.log(info.smallest_normal))
        self.per_ln2 = dtype(1 / math.log(2))
        self.ln2 = dtype(math.log(2))
        # ln 2 in two parts, the first of so few bits that its multiples are exact.
        self.ln2_high, self.ln2_low = (
            dtype(45426 / 65536),
            dtype(1.4286068203094172e-06),
        )
        self.root_half = dtype(math.sqrt(0.5)).view(word)
        series = (_exp_term, _artanh_term, _artanh_term, _sin_term, _cos_term)
        self.exp, self.log, self.log1p, self.sin, self.cos = (
            _polynomial([dtype(term(k)) for k in range(count)])
            for term, count in zip(series, terms, strict=True)
        )


def _polynomial(coefficients: list[Any]) -> Any:
    """Return x -> Σ coefficients[k] xᵏ, written out: LLVM unrolls no long loop."""
    names = [f"c{k}" for k in range(len(coefficients))]
    horner = reduce(lambda inside, name: f"{name} + x * ({inside})", reversed(names))
    return inner(
        eval(f"lambda x: {horner}", dict(zip(names, coefficients, strict=True)))
    )


def _exp_term(k: int) -> float:
    return 1 / math.factorial(k)


def _artanh_term(k: int) -> float:
    return 2 / (2 * k + 1)


def _sin_term(k: int) -> float:
    n = 2 * k + 1
    return (-1) ** k * (2 * math.pi) ** n / math.factorial(n)


def _cos_term(k: int) -> float:
    n = 2 * k
    return (-1) ** k * (2 * math.pi) ** n / math.factorial(n)


_CONSTANTS = {
    32: _Constants(np.float32, np.int32, (8, 5, 8, 5, 5)),
    64: _Constants(np.float64, np.int64, (14, 11, 17, 8, 9)),
}


def exp(x: float) -> float:
    """Return e to the power x <= 0; compiled, 0 below the least normal number."""
    return math.exp(x)


def log(x: float) -> float:
    """Return the logarithm of a normal number x > 0."""
    return math.log(x)


def log1p(t: float) -> float:
    """Return log(1 + t) for 0 <= t <= 1."""
    return math.log1p(t)


def cos_sin(u: float) -> tuple[float, float]:
    """Return cos 2πu and sin 2πu for -1/2 <= u <= 1/2, to an absolute precision."""
    return math.cos(2 * math.pi * u), math.sin(2 * math.pi * u)


@overload(exp, jit_options=_INLINED)
def _compiled_exp(x: Any) -> Any:
    c = _CONSTANTS[x.bitwidth]
    dtype, word, bits, bias, series = c.dtype, c.word, c.bits, c.bias, c.exp
    per_ln2, rounder, high, low = c.per_ln2, c.rounder, c.ln2_high, c.ln2_low
    zero, least = dtype(0), c.least

    def compiled(x: Any) -> Any:
        shifted = x * per_ln2 + rounder
        n = shifted - rounder
        r = x - n * high - n * low
        power = word(word(dtype(shifted).view(word) + bias) << bits).view(dtype)
        return zero if x < least else power * series(r)

    return compiled


@overload(log, jit_options=_INLINED)
def _compiled_log(x: Any) -> Any:
    c = _CONSTANTS[x.bitwidth]
    dtype, word, bits, series = c.dtype, c.word, c.bits, c.log
    one, ln2, root_half = c.one, c.ln2, c.root_half

    def compiled(x: Any) -> Any:
        pattern = dtype(x).view(word)
        e = word(word(pattern - root_half) >> bits)
        m = word(pattern - word(e << bits)).view(dtype)
        z = (m - one) / (m + one)
        return dtype(e) * ln2 + z * series(z * z)

    return compiled


@overload(log1p, jit_options=_INLINED)
def _compiled_log1p(t: Any) -> Any:
    c = _CONSTANTS[t.bitwidth]
    two, series = c.two, c.log1p

    def compiled(t: Any) -> Any:
        z = t / (two + t)
        return z * series(z * z)

    return compiled


@overload(cos_sin, jit_options=_INLINED)
def _compiled_cos_sin(u: Any) -> Any:
    c = _CONSTANTS[u.bitwidth]
    word, rounder, sine, cosine = c.word, c.rounder, c.sin, c.cos
    dtype, four, quarter = c.dtype, c.dtype(4), c.dtype(0.25)
    one, two = word(1), word(2)

    def compiled(u: Any) -> Any:
        shifted = u * four + rounder
        quarters = dtype(shifted).view(word)
        v = u - (shifted - rounder) * quarter
        c, s = cosine(v * v), v * sine(v * v)
        odd = word(quarters & one) != 0
        cos, sin = (s, c) if odd else (c, s)
        cos = -cos if word(word(quarters + one) & two) != 0 else cos
        return cos, -sin if word(quarters & two) != 0 else sin

    return compiled
