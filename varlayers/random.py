"""Counter-based random keys: noise is a function of (key, index), on every backend.

A key is two 32-bit words. The random words of a key are Threefry-2x32 of a counter,
so they are the same bits wherever they are computed, in any order and any batch split;
a run resumes from (seed, step). Threefry needs only 32-bit add, rotate and xor, which
every array library has, compiled or traced.

    child i of a key      Threefry-2x32, 20 rounds, counter (i, 0)      `fold_in`
    part i of a split     the same, counter (i, 1)                      `split`
    words 2j and 2j+1     Threefry-2x32, 13 rounds, counter (j, 0)      `Kernels.words`

Twenty rounds is the published default, thirteen the published reduced form, a third
cheaper and with known-answer vectors of its own. Two round counts keep keys and words
apart.

Reference: Salmon, Moraes, Dror & Shaw (2011), "Parallel random numbers: as easy as
1, 2, 3", doi:10.1145/2063384.2063405.
"""

from collections.abc import Callable
from importlib import import_module
from operator import index
from typing import Any, NamedTuple, TypeAlias

from array_api_compat import array_namespace

from varlayers.types import Array

__all__ = [
    "PARITY",
    "ROTATIONS",
    "Key",
    "Native",
    "Source",
    "fold_in",
    "key",
    "native",
    "split",
    "threefry",
]

# Of words that a compiler traces, by where their type is defined: "module:function" of
# (k0, k1, data, domain).
_DERIVATIONS = {
    "jax": "varlayers_backends.jax:child_key",
    "jaxlib": "varlayers_backends.jax:child_key",
    "varlayers_backends.numba_traced": "varlayers_backends.numba_namespace:child_key",
    "varlayers_backends.cupy_numbers": "varlayers_backends.cupy_board:child_key",
}
_MASK = 0xFFFFFFFF
PARITY = 0x1BD11BDA  # Skein's key-schedule constant, its 32-bit form
ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)
_KEY_ROUNDS = 20

# Of each round both shifts and, after every fourth, the number of the key's injection.
_ROUNDS = tuple(
    (rotation, 32 - rotation, 0 if number % 4 else number // 4)
    for number, rotation in enumerate(ROTATIONS * 3, start=1)
)


class Key(NamedTuple):
    """A random key: two 32-bit words, Python integers or traced scalars.

    As an argument of a function under `jax.jit` it needs words that JAX does not take
    for signed ones: Key(*map(jax.numpy.uint32, key)).
    """

    k0: Any
    k1: Any


class Native(NamedTuple):
    """A library's own generator in the place of a key; see `native`."""

    generator: Any


Source: TypeAlias = Key | Native


def key(seed: int) -> Key:
    """Return the key of an integer seed.

    Args:
        seed: 0 <= seed < 2**64. Different seeds give unrelated streams.

    Raises:
        TypeError: if seed is not an integer.
        ValueError: if seed is out of range.
    """
    if isinstance(seed, bool) or not hasattr(seed, "__index__"):
        msg = f"key expected an integer `seed`, got {seed!r}."
        raise TypeError(msg)
    value = int(seed.__index__())
    if not 0 <= value < 1 << 64:
        msg = f"key expected 0 <= seed < 2**64, got {value}."
        raise ValueError(msg)
    return Key(value & _MASK, value >> 32)


def native(generator: Any) -> Native:
    """Let a library's own generator stand where a key is expected.

    Faster or slower, and no longer the same numbers on every backend: draws come from
    the generator's state, in the order in which they are made, and folding and
    splitting return the generator itself.

    Args:
        generator: a `numpy.random.Generator` for NumPy arrays, a `torch.Generator` for
            torch tensors, a `cupy.random.Generator` for CuPy arrays. JAX has no
            stateful generator: use keys.
    """
    return Native(generator)


def fold_in(source: Source, data: Any) -> Source:
    """Return the child of a key that belongs to `data`.

    Args:
        source: a key, of integers or of scalars that `jax.jit` traces.
        data: 0 <= data < 2**32, an integer of any library, or one that `jax.jit`
            traces and that is taken modulo 2**32.

    Raises:
        TypeError: if source is not a key, or data no integer.
        ValueError: if data is out of range.
    """
    return _derive(source, data, 0)


def split(source: Source, count: int) -> tuple[Source, ...]:
    """Return `count` keys, unrelated to each other and to the key's children."""
    return tuple(_derive(source, part, 1) for part in range(count))


def _derive(source: Source, data: Any, domain: int) -> Source:
    if isinstance(source, Native):
        return source
    if not isinstance(source, Key):
        msg = (
            f"Expected a random key, got {type(source).__name__}. "
            "Make one with varlayers.key(seed)."
        )
        raise TypeError(msg)
    k0, k1, c0 = map(_concrete, (*source, data))
    if not (isinstance(c0, int) or _is_integer_scalar(c0)):
        msg = f"fold_in expected an integer `data`, got {data!r}."
        raise TypeError(msg)
    if isinstance(c0, int) and not 0 <= c0 <= _MASK:
        msg = f"fold_in expected 0 <= data < 2**32, got {c0}."
        raise ValueError(msg)
    traced = [word for word in (k0, k1, c0) if not isinstance(word, int)]
    if not traced:
        words = threefry(Key(k0, k1), c0, domain, rounds=_KEY_ROUNDS, wrap=_wrap)
        return Key(*words)
    own = _own_derivation(traced[0])
    if own is not None:
        return Key(*own(k0, k1, c0, domain))
    xp = array_namespace(*traced)
    k0, k1, c0 = (xp.asarray(word, dtype=xp.uint32) for word in (k0, k1, c0))
    return Key(*threefry(Key(k0, k1), c0, domain, rounds=_KEY_ROUNDS, wrap=_same))


def _own_derivation(word: Any) -> Callable[..., Any] | None:
    """Return the function that derives keys of such words in one operation, if any."""
    origin = type(word).__module__
    found = _DERIVATIONS.get(origin) or _DERIVATIONS.get(origin.partition(".")[0], "")
    module, _, name = found.partition(":")
    return getattr(import_module(module), name) if module else None


def _concrete(word: Any) -> Any:
    """Return an integer of any library as Python's, and what has no value as it is."""
    try:
        return index(word)
    except TypeError:
        return word


def _is_integer_scalar(word: Any) -> bool:
    if getattr(word, "shape", None) != ():
        return False
    return bool(array_namespace(word).isdtype(word.dtype, "integral"))


def threefry(
    key: Key, c0: Array, c1: Array, *, rounds: int, wrap: Callable[[Array], Array]
) -> tuple[Array, Array]:
    """Return the two words of Threefry-2x32 at counter (c0, c1).

    Args:
        key: two 32-bit words.
        c0: first counter word: Python integers, or an integer array.
        c1: second counter word.
        rounds: at most 24; 13 and 20 are of use.
        wrap: reduces modulo 2**32; the identity for 32-bit unsigned arrays.
    """
    schedule = (key.k0, key.k1, key.k0 ^ key.k1 ^ PARITY)
    x0, x1 = c0 + schedule[0], wrap(c1 + schedule[1])
    for left, right, group in _ROUNDS[:rounds]:
        x0 = x0 + x1  # Python integers keep the carry, which x1's wrap and the last cut
        x1 = wrap((x1 << left | x1 >> right) ^ x0)
        if group:
            x0 = x0 + schedule[group % 3]
            x1 = wrap(x1 + schedule[(group + 1) % 3] + group)
    return wrap(x0), x1


def _wrap(word: Array) -> Array:
    return word & _MASK


def _same(word: Array) -> Array:
    return word
