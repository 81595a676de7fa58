"""Random numbers for NumPy arrays: Threefry and Box-Muller, a cacheful at a time.

The words are those of `Kernels.words`, bit for bit. Its first round starts from a
second counter word of 0, so it is x0 = j + k0 + k1, x1 = rotate(k1) ^ x0.

Angles are 2π u with u = word / 2**32 in [-1/2, 1/2): words convert faster as signed
integers. In float32 sine and cosine come from those of half the angle, each a
polynomial in u², in fewer passes than NumPy's own functions cost:

    s = √2 sin πu     c = √2 cos πu     cos 2πu = 1 - s²     sin 2πu = s c

Reference: Salmon, Moraes, Dror & Shaw (2011), "Parallel random numbers: as easy as
1, 2, 3", doi:10.1145/2063384.2063405.
"""

import functools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from varlayers.random import PARITY, ROTATIONS, Key
from varlayers_backends.numpy_buffers import empty
from varlayers_backends.numpy_chunks import CHUNK, polynomial, scalars

__all__ = ["normal", "signs", "uniform", "words"]

_MASK = 0xFFFFFFFF
_ROUNDS = 13
_LEFT = scalars(np.uint32, *ROTATIONS)
_RIGHT = scalars(np.uint32, *(32 - rotation for rotation in ROTATIONS))

# √2 sin(πu) / u and √2 cos(πu) interpolated at Chebyshev's points of 0 <= u² <= 1/4;
# with rounding both are within 1.2e-7.
_SINE = scalars(np.float32, 4.442883, -7.3082457, 3.606354, -0.8461104, 0.10982204)
_COSINE = scalars(np.float32, 1.4142135, -6.978851, 5.7394595, -1.8835528, 0.31067786)


def words(key: Key, count: int) -> Any:
    """Return `Kernels.words`."""
    out = _pairs(count, np.uint32)
    for part, x0, x1 in _word_chunks(key, out.shape[0]):
        out[part, 0], out[part, 1] = x0, x1
    return out.reshape(-1)[:count]


def uniform(key: Key, count: int, dtype: Any) -> Any:
    """Return `Kernels.uniform`, flat."""
    out = _pairs(count, dtype)
    for part, *both in _word_chunks(key, out.shape[0]):
        for column, word in enumerate(both):
            np.right_shift(word, 8, word)
            out[part, column] = word.view(np.int32)
        out[part] *= 2.0**-24
    return out.reshape(-1)[:count]


def signs(key: Key, count: int, dtype: Any) -> Any:
    """Return `Kernels.signs`, flat."""
    octets = words(key, -(-count // 32)).astype("<u4", copy=False).view(np.uint8)
    return _octet_signs(dtype).take(octets, axis=0, mode="clip").reshape(-1)[:count]


def normal(key: Key, count: int, dtype: Any) -> Any:
    """Return `Kernels.normal`, flat."""
    out = _pairs(count, dtype)
    buffers = np.empty((4, min(out.shape[0], CHUNK)), dtype)
    for part, x0, x1 in _word_chunks(key, out.shape[0]):
        u, s, c, r = buffers[:, : x0.shape[0]]
        np.copyto(u, x1.view(np.int32))
        cos, sin = _cos_sin(u, s, c, scratch=r)
        _radius(x0, r)
        np.multiply(r, cos, out[part, 0])
        np.multiply(r, sin, out[part, 1])
    return out.reshape(-1)[:count]


def _pairs(count: int, dtype: Any) -> Any:
    return empty(((count + 1) // 2, 2), dtype)


def _word_chunks(key: Key, pairs: int) -> Iterator[tuple[slice, Any, Any]]:
    """Yield a range of counters and their words, in buffers reused by the next."""
    k0, k1 = int(key.k0), int(key.k1)
    schedule = (k0, k1, k0 ^ k1 ^ PARITY)
    injections = [
        (_word(schedule[group % 3]), _word(schedule[(group + 1) % 3] + group))
        for group in range(1, _ROUNDS // 4 + 1)
    ]
    rotated = _word(k1 << ROTATIONS[0] | k1 >> (32 - ROTATIONS[0]))
    counter = np.arange(min(pairs, CHUNK), dtype=np.uint32)
    buffers = np.empty((3, counter.shape[0]), np.uint32)
    for start in range(0, pairs, CHUNK):
        size = min(CHUNK, pairs - start)
        x0, x1, scratch = buffers[:, :size]
        np.add(counter[:size], _word(start + k0 + k1), x0)
        np.bitwise_xor(x0, rotated, x1)
        _later_rounds(injections, x0, x1, scratch)
        yield slice(start, start + size), x0, x1


def _word(value: int) -> Any:
    return np.array(value & _MASK, np.uint32)


def _later_rounds(
    injections: list[tuple[Any, Any]], x0: Any, x1: Any, scratch: Any
) -> None:
    """Apply every round but the first to x0 and x1."""
    for index in range(1, _ROUNDS):
        np.add(x0, x1, x0)
        np.right_shift(x1, _RIGHT[index % 8], scratch)
        np.left_shift(x1, _LEFT[index % 8], x1)
        np.bitwise_or(x1, scratch, x1)
        np.bitwise_xor(x1, x0, x1)
        if index % 4 == 3:
            first, second = injections[index // 4]
            np.add(x0, first, x0)
            np.add(x1, second, x1)


def _radius(word: Any, r: Any) -> None:
    unit, half_unit, minus_two = _constants(r.dtype)[:3]
    np.copyto(r, word)
    np.multiply(r, unit, r)
    np.add(r, half_unit, r)
    np.log(r, r)
    np.multiply(r, minus_two, r)
    np.sqrt(r, r)


def _cos_sin(u: Any, s: Any, c: Any, scratch: Any) -> tuple[Any, Any]:
    """Return cosine and sine of 2π u / 2**32; overwrite every argument."""
    unit, _, _, one, turn = _constants(u.dtype)
    if u.dtype != np.float32:
        np.multiply(u, turn, u)
        return np.cos(u, c), np.sin(u, s)
    np.multiply(u, unit, u)
    np.multiply(u, u, scratch)
    polynomial(_SINE, scratch, s)
    np.multiply(s, u, s)
    polynomial(_COSINE, scratch, c)
    np.multiply(c, s, c)
    np.multiply(s, s, s)
    return np.subtract(one, s, s), c


@functools.cache
def _constants(dtype: Any) -> list[Any]:
    return scalars(dtype, 2.0**-32, 2.0**-33, -2, 1, 2 * math.pi * 2.0**-32)


@functools.cache
def _octet_signs(dtype: Any) -> Any:
    """Return the eight signs of each byte, the lowest bit first."""
    octets = np.arange(256, dtype=np.uint8)[:, None]
    return 1 - 2 * np.unpackbits(octets, axis=1, bitorder="little").astype(dtype)
