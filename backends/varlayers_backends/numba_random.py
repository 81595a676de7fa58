"""Compiled random numbers: Threefry-2x32 and Box-Muller, one pass, nothing stored.

The words are those of `Kernels.words`, bit for bit. A loop fills out[2i] and
out[2i + 1] from counter i, so threads fill any slices (`numba_fork`). Angles are 2π u
with u = word / 2**32 in [-1/2, 1/2), the word taken as signed.

Arrays are flat and contiguous; `signs` and `uniform` fill float32 or float64.

Reference: Salmon, Moraes, Dror & Shaw (2011), "Parallel random numbers: as easy as
1, 2, 3", doi:10.1145/2063384.2063405.
"""

import math
from typing import Any

from numpy import int32, uint32

from varlayers.random import PARITY, ROTATIONS
from varlayers_backends.numba_fork import fork
from varlayers_backends.numba_math import cos_sin, inner, kernel, log

__all__ = ["child", "normal", "signs", "uniform", "words"]

_GRAIN = 8192  # numbers that a thread draws at a time, an even number of words
_EVEN, _ODD = ROTATIONS[:4], ROTATIONS[4:]


@inner
def _round(x0: Any, x1: Any, left: int) -> Any:
    x0 = uint32(x0 + x1)
    turned = uint32(uint32(x1 << uint32(left)) | uint32(x1 >> uint32(32 - left)))
    return x0, uint32(turned ^ x0)


@inner
def _four_rounds(x0: Any, x1: Any, left: Any) -> Any:
    x0, x1 = _round(x0, x1, left[0])
    x0, x1 = _round(x0, x1, left[1])
    x0, x1 = _round(x0, x1, left[2])
    return _round(x0, x1, left[3])


@inner
def _pair(k0: Any, k1: Any, counter: Any) -> Any:
    """Return the words of a counter: 13 rounds, the key added after every fourth."""
    k2 = uint32(uint32(k0 ^ k1) ^ uint32(PARITY))
    x0, x1 = _four_rounds(uint32(counter + k0), k1, _EVEN)
    x0, x1 = uint32(x0 + k1), uint32(x1 + uint32(k2 + uint32(1)))
    x0, x1 = _four_rounds(x0, x1, _ODD)
    x0, x1 = uint32(x0 + k2), uint32(x1 + uint32(k0 + uint32(2)))
    x0, x1 = _four_rounds(x0, x1, _EVEN)
    x0, x1 = uint32(x0 + k0), uint32(x1 + uint32(k1 + uint32(3)))
    return _round(x0, x1, _ODD[0])


@kernel
def child(k0: int, k1: int, data: int, domain: int, out: Any) -> None:
    """Store the two words of a key's child: 20 rounds (`varlayers.random`)."""
    k0_, k1_ = uint32(k0), uint32(k1)
    k2 = uint32(uint32(k0_ ^ k1_) ^ uint32(PARITY))
    x0, x1 = uint32(uint32(data) + k0_), uint32(uint32(domain) + k1_)
    x0, x1 = _four_rounds(x0, x1, _EVEN)
    x0, x1 = uint32(x0 + k1_), uint32(x1 + uint32(k2 + uint32(1)))
    x0, x1 = _four_rounds(x0, x1, _ODD)
    x0, x1 = uint32(x0 + k2), uint32(x1 + uint32(k0_ + uint32(2)))
    x0, x1 = _four_rounds(x0, x1, _EVEN)
    x0, x1 = uint32(x0 + k0_), uint32(x1 + uint32(k1_ + uint32(3)))
    x0, x1 = _four_rounds(x0, x1, _ODD)
    x0, x1 = uint32(x0 + k1_), uint32(x1 + uint32(k2 + uint32(4)))
    x0, x1 = _four_rounds(x0, x1, _EVEN)
    out[0], out[1] = uint32(x0 + k2), uint32(x1 + uint32(k0_ + uint32(5)))


@kernel
def words(team: Any, k0: int, k1: int, out: Any) -> None:
    """Store `Kernels.words`."""
    fork(team, _fill_words, (out,), (k0, k1), out.shape[0], _GRAIN)


@inner
def _fill_words(start: int, out: Any, k0: int, k1: int) -> None:
    k0_, k1_, start_ = uint32(k0), uint32(k1), uint32(start // 2)
    pairs = out.shape[0] // 2
    for i in range(pairs):
        out[2 * i], out[2 * i + 1] = _pair(k0_, k1_, uint32(start_ + uint32(i)))
    if out.shape[0] % 2:
        out[2 * pairs] = _pair(k0_, k1_, uint32(start_ + uint32(pairs)))[0]


@inner
def _unit(word: Any, dtype: Any) -> Any:
    return dtype(uint32(word >> uint32(8))) * dtype(2.0**-24)


@kernel
def uniform(team: Any, k0: int, k1: int, out: Any) -> None:
    """Store `Kernels.uniform`."""
    fork(team, _fill_uniform, (out,), (k0, k1), out.shape[0], _GRAIN)


@inner
def _fill_uniform(start: int, out: Any, k0: int, k1: int) -> None:
    dtype = out.dtype.type
    k0_, k1_, start_ = uint32(k0), uint32(k1), uint32(start // 2)
    pairs = out.shape[0] // 2
    for i in range(pairs):
        x0, x1 = _pair(k0_, k1_, uint32(start_ + uint32(i)))
        out[2 * i], out[2 * i + 1] = _unit(x0, dtype), _unit(x1, dtype)
    if out.shape[0] % 2:
        x0, _ = _pair(k0_, k1_, uint32(start_ + uint32(pairs)))
        out[2 * pairs] = _unit(x0, dtype)


@inner
def _normals(x0: Any, x1: Any, dtype: Any) -> Any:
    unit = dtype(x0) * dtype(2.0**-32) + dtype(2.0**-33)
    r = math.sqrt(dtype(-2) * log(unit))
    cos, sin = cos_sin(dtype(int32(x1)) * dtype(2.0**-32))
    return r * cos, r * sin


@kernel
def normal(team: Any, k0: int, k1: int, out: Any) -> None:
    """Store `Kernels.normal`."""
    fork(team, _fill_normal, (out,), (k0, k1), out.shape[0], _GRAIN)


@inner
def _fill_normal(start: int, out: Any, k0: int, k1: int) -> None:
    dtype = out.dtype.type
    k0_, k1_, start_ = uint32(k0), uint32(k1), uint32(start // 2)
    pairs = out.shape[0] // 2
    for i in range(pairs):
        x0, x1 = _pair(k0_, k1_, uint32(start_ + uint32(i)))
        out[2 * i], out[2 * i + 1] = _normals(x0, x1, dtype)
    if out.shape[0] % 2:
        x0, x1 = _pair(k0_, k1_, uint32(start_ + uint32(pairs)))
        out[2 * pairs] = _normals(x0, x1, dtype)[0]


@kernel
def signs(team: Any, words: Any, out: Any) -> None:
    """Store `Kernels.signs`, given the words."""
    fork(team, _fill_signs, (words,), (out,), words.shape[0], _GRAIN // 32)


@inner
def _fill_signs(start: int, words: Any, all_signs: Any) -> None:
    out = all_signs[32 * start : 32 * (start + words.shape[0])]
    dtype = out.dtype.type
    one, two = dtype(1), dtype(2)
    whole = out.shape[0] // 32
    for j in range(whole):
        word, part = words[j], out[32 * j : 32 * j + 32]
        for bit in range(32):
            part[bit] = one - two * dtype(int32(word >> uint32(bit)) & int32(1))
    rest = out[32 * whole :]
    for bit in range(rest.shape[0]):
        rest[bit] = one - two * dtype(int32(words[whole] >> uint32(bit)) & int32(1))
