"""The definition of the random numbers: published vectors, and the same everywhere.

Whether the numbers are random enough is the matter of `test_random_statistics.py`.
"""

import functools
import pickle
import re

import numpy as np
import pytest

from varlayers.dispatch import kernels_for
from varlayers.kernels import Kernels
from varlayers.random import Key, fold_in, key, native, split, threefry

MASK = 0xFFFFFFFF
KEYS = [key(0), key(2**64 - 1), key(20260101)]
COUNT = 20_001  # odd, so that the last pair is cut

# Random123's kat_vectors for Threefry-2x32: rounds, counter, key, output.
KNOWN_ANSWERS = [
    (13, (0, 0), (0, 0), (0x9D1C5EC6, 0x8BD50731)),
    (13, (MASK, MASK), (MASK, MASK), (0xFD36D048, 0x2D17272C)),
    (
        13,
        (0x243F6A88, 0x85A308D3),
        (0x13198A2E, 0x03707344),
        (0xBA3E4725, 0xF27D669E),
    ),
    (20, (0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
    (20, (MASK, MASK), (MASK, MASK), (0x1CB996FC, 0xBB002BE7)),
    (
        20,
        (0x243F6A88, 0x85A308D3),
        (0x13198A2E, 0x03707344),
        (0xC4923A9C, 0x483DF7A0),
    ),
]


def wrap(word):
    return word & MASK


@functools.cache
def true_words(source, count):
    """Return the words of a key by Python's integers."""
    pairs = [
        threefry(source, j, 0, rounds=13, wrap=wrap) for j in range(-(-count // 2))
    ]
    return np.array(pairs, dtype=np.uint32).reshape(-1)[:count]


@functools.cache
def true_normals(source, count):
    """Return (r, normals), in extended precision where the platform has it."""
    words = true_words(source, count + count % 2).reshape(-1, 2).astype(np.longdouble)
    r = np.sqrt(-2 * np.log((2 * words[:, :1] + 1) / 2**33))
    a = words[:, 1:] * (8 * np.arctan(np.longdouble(1)) / 2**32)
    normals = np.concatenate([r * np.cos(a), r * np.sin(a)], axis=1)
    return np.repeat(r, 2)[:count], normals.reshape(-1)[:count]


def float32_error(r):
    """Return how far float32 may be from the true normal.

    The angle, at most 2π, is rounded three times (word, constant, product), its sine
    once more; r² = -2 log u feels the two roundings of u, at most 2**-23, which matter
    where u is near 1 and r near 0, and a few of its own.
    """
    square = 2.4e-7 + 3e-7 * r**2
    return 1.3e-6 * r + np.minimum(np.sqrt(square), square / r)


def normals_and_error(dtype, source, count):
    """Return the true normals, and how far those of a dtype may be from them."""
    r, normals = true_normals(source, count)
    allowed = float32_error(r) if dtype == "float32" else 3e-15 * (1 + r)
    return normals, allowed


def x64(on):
    """Return a context in which JAX has, or has not, 64-bit types."""
    jax = pytest.importorskip("jax")
    if hasattr(jax, "enable_x64"):
        return jax.enable_x64(on)
    from jax import experimental

    return experimental.enable_x64(on)


# ---- the generator ----------------------------------------------------------------


@pytest.mark.parametrize(("rounds", "counter", "words", "answer"), KNOWN_ANSWERS)
def test_known_answers(rounds, counter, words, answer):
    assert threefry(Key(*words), *counter, rounds=rounds, wrap=wrap) == answer


@pytest.mark.parametrize(("rounds", "counter", "words", "answer"), KNOWN_ANSWERS)
def test_known_answers_on_arrays(library, rounds, counter, words, answer):
    torch_lacks_uint32 = library.name == "torch"
    dtype = "int64" if torch_lacks_uint32 else "uint32"
    c0, c1, k0, k1 = (library.asarray([word], dtype) for word in (*counter, *words))
    reduce = wrap if torch_lacks_uint32 else lambda word: word
    found = threefry(Key(k0, k1), c0, c1, rounds=rounds, wrap=reduce)
    assert tuple(int(library.to_numpy(word)[0]) for word in found) == answer


def test_twenty_rounds_are_those_of_jax():
    pytest.importorskip("jax")
    from jax.extend.random import threefry_2x32

    rng = np.random.default_rng(0)
    for _ in range(5):
        words = rng.integers(0, 2**32, 2, dtype=np.uint32)
        counters = rng.integers(0, 2**32, (2, 100), dtype=np.uint32)
        theirs = np.asarray(threefry_2x32(words, counters.reshape(-1)))
        source = Key(*map(int, words))
        ours = threefry(source, *counters, rounds=20, wrap=lambda word: word)
        np.testing.assert_array_equal(np.concatenate(ours), theirs)


# ---- keys -------------------------------------------------------------------------


def test_a_key_is_its_seed():
    assert key(0) == Key(0, 0)
    assert key(2**64 - 1) == Key(MASK, MASK)
    assert key(0x0123456789ABCDEF) == Key(0x89ABCDEF, 0x01234567)
    assert key(np.uint64(5)) == key(5)
    assert pickle.loads(pickle.dumps(key(5))) == key(5)
    assert hash(key(5)) == hash(key(5))


@pytest.mark.parametrize("source", KEYS)
def test_children_and_parts_are_threefry(source):
    for i in (0, 1, MASK):
        child = threefry(source, i, 0, rounds=20, wrap=wrap)
        assert fold_in(source, i) == Key(*child)
    parts = [threefry(source, i, 1, rounds=20, wrap=wrap) for i in range(3)]
    assert split(source, 3) == tuple(Key(*part) for part in parts)


def test_no_two_keys_are_equal():
    found = set()
    for source in (*KEYS, *(key(seed) for seed in range(1, 20))):
        found |= {source, *split(source, 50)}
        found |= {fold_in(source, i) for i in range(50)}
    assert len(found) == 22 * 101


def test_integers_of_any_library_fold_in(library):
    desired = fold_in(key(2**64 - 1), 3)
    for dtype in ("int64", "uint32"):
        folded = fold_in(key(2**64 - 1), library.asarray(3, dtype))
        assert folded == desired
        assert all(type(word) is int for word in folded)
    if library.name == "numpy":
        assert fold_in(key(2**64 - 1), np.int64(3)) == desired


@pytest.mark.parametrize("on", [True, False], ids=["x64", "no x64"])
@pytest.mark.parametrize("source", KEYS)
def test_keys_fold_inside_jit(source, on):
    jax = pytest.importorskip("jax")
    with x64(on):
        words = [jax.numpy.uint32(word) for word in source]
        folds = [
            jax.jit(lambda words, step: fold_in(Key(*words), step)),
            jax.jit(lambda _, step: fold_in(source, step)),
        ]
        for step in (7, jax.numpy.uint32(7), jax.numpy.uint32(MASK)):
            for fold in folds:
                folded = fold(words, step)
                assert Key(*map(int, folded)) == fold_in(source, int(step))
                assert all(word.dtype == "uint32" for word in folded)
        child = jax.jit(lambda words: fold_in(Key(*words), 7))(words)
        parts = jax.jit(lambda words: split(Key(*words), 3))(words)
    assert Key(*map(int, child)) == fold_in(source, 7)
    assert tuple(Key(*map(int, part)) for part in parts) == split(source, 3)


# ---- words, uniforms and signs: the same bits ---------------------------------------


@pytest.mark.parametrize("source", KEYS)
@pytest.mark.parametrize("count", [0, 1, 2, 7, 64])
def test_words(library, source, count):
    like = library.asarray([0.0])
    words = library.to_numpy(kernels_for(like).words(source, count, like))
    assert words.shape == (count,)
    np.testing.assert_array_equal(words, true_words(source, count))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_uniforms_to_the_bit(library, dtype):
    like = library.asarray([0.0], dtype)
    uniforms = library.to_numpy(kernels_for(like).uniform(KEYS[1], (COUNT,), like))
    assert uniforms.dtype == dtype
    np.testing.assert_array_equal(uniforms, (true_words(KEYS[1], COUNT) >> 8) / 2**24)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_signs_to_the_bit(library, dtype):
    like = library.asarray([0.0], dtype)
    signs = library.to_numpy(kernels_for(like).signs(KEYS[1], (1111,), like))
    words = true_words(KEYS[1], 35)
    bits = (words[:, None] >> np.arange(32, dtype=np.uint32)) & 1
    assert signs.dtype == dtype
    np.testing.assert_array_equal(signs, np.where(bits.reshape(-1)[:1111], -1.0, 1.0))


@pytest.mark.parametrize("on", [True, False], ids=["x64", "no x64"])
@pytest.mark.parametrize("traced", [True, False], ids=["traced key", "fixed key"])
@pytest.mark.parametrize("source", KEYS)
def test_the_same_bits_inside_jit(source, traced, on):
    jax = pytest.importorskip("jax")

    def draws(words):
        like = jax.numpy.zeros(1, "float32")
        k, found = kernels_for(like), Key(*words) if traced else source
        return (
            k.words(found, 101, like),
            k.uniform(found, (101,), like),
            k.signs(found, (101,), like),
            k.normal(found, (101,), like),
        )

    with x64(on):
        found = jax.jit(draws)([jax.numpy.uint32(word) for word in source])
        words, uniforms, signs, normals = (np.asarray(array) for array in found)
    assert words.dtype == np.uint32
    np.testing.assert_array_equal(words, true_words(source, 101))
    like = np.zeros(1, "float32")
    np.testing.assert_array_equal(
        uniforms, kernels_for(like).uniform(source, (101,), like)
    )
    np.testing.assert_array_equal(signs, kernels_for(like).signs(source, (101,), like))
    desired, allowed = normals_and_error("float32", source, 101)
    assert normals.dtype == np.float32
    assert np.all(np.abs(normals - desired) <= allowed)


# ---- normals: the same to rounding --------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("source", KEYS)
def test_normals_are_those_of_the_definition(library, dtype, source):
    like = library.asarray([0.0], dtype)
    normals = library.to_numpy(kernels_for(like).normal(source, (COUNT,), like))
    desired, allowed = normals_and_error(dtype, source, COUNT)
    assert normals.dtype == dtype
    assert np.all(np.abs(normals - desired) <= allowed)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_normals_of_extreme_words(library, dtype):
    like = library.asarray([0.0], dtype)
    found = kernels_for(like)
    # NumPy's own kernel does not ask `words`: its extremes are in its own tests.
    base = type(found) if library.name in ("torch", "jax") else Kernels
    extremes = np.array([0, 1, 2**31 - 1, 2**31, 2**31 + 1, MASK - 1, MASK])
    pairs = np.stack(np.meshgrid(extremes, extremes), axis=-1).reshape(-1)

    class Fixed(base):
        def __init__(self):
            self.xp = found.xp

        def words(self, source, count, like):
            return library.asarray(
                pairs[:count], "int64" if library.name == "torch" else "uint32"
            )

    normals = library.to_numpy(Fixed().normal(key(0), (98,), like)).reshape(-1, 2)
    r = np.sqrt(-2 * np.log((2 * pairs[::2] + 1) / 2.0**33))
    assert np.max(r) <= 6.77
    allowed = float32_error(r) if dtype == "float32" else 1e-14
    assert np.all(np.abs(np.hypot(*normals.T) - r) <= allowed)
    assert np.max(np.abs(normals)) <= 6.77


# ---- shapes -------------------------------------------------------------------------

DRAWS = ["uniform", "normal", "signs"]


@pytest.mark.parametrize("draw", DRAWS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_shapes(library, draw, dtype):
    like = library.asarray([0.0], dtype)
    function = getattr(kernels_for(like), draw)
    flat = library.to_numpy(function(key(1), (30,), like))
    for shape in [(), (5, 6), (2, 3, 5), (4, 0, 3)]:
        array = function(key(1), shape, like)
        assert tuple(array.shape) == shape
        assert array.dtype == like.dtype
        assert getattr(array, "device", None) == getattr(like, "device", None)
        found = library.to_numpy(array).reshape(-1)
        np.testing.assert_allclose(found, flat[: found.size], rtol=2e-7)


@pytest.mark.parametrize("draw", DRAWS)
@pytest.mark.parametrize("count", [1, 31, 33])
def test_a_longer_draw_starts_with_a_shorter(library, draw, count):
    like = library.asarray([0.0])
    function = getattr(kernels_for(like), draw)
    short = library.to_numpy(function(key(2), (count,), like))
    long = library.to_numpy(function(key(2), (257,), like))
    np.testing.assert_allclose(short, long[:count], rtol=0, atol=1e-14)
    assert draw == "normal" or np.array_equal(short, long[:count])


@pytest.mark.parametrize("draw", DRAWS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numpy_prefixes_across_the_chunks_of_its_kernels(draw, dtype):
    like = np.zeros(1, dtype)
    function = getattr(kernels_for(like), draw)
    long = function(key(2), (300_000,), like)
    for count in (65_535, 65_536, 65_537, 131_073):
        short = function(key(2), (count,), like)
        np.testing.assert_allclose(short, long[:count], rtol=1e-6, atol=1e-7)
    j = 140_000
    one = threefry(key(2), j, 0, rounds=13, wrap=wrap)
    np.testing.assert_array_equal(
        kernels_for(like).words(key(2), 300_000, like)[2 * j : 2 * j + 2], one
    )


# ---- a library's own generator ------------------------------------------------------


def generators(library):
    """Return two equal generators of the library, and one of another seed."""
    if library.name.startswith("numpy"):
        return [np.random.default_rng(seed) for seed in (3, 3, 4)]
    import torch

    return [torch.Generator().manual_seed(seed) for seed in (3, 3, 4)]


@pytest.mark.parametrize("library", ["numpy", "torch"], indirect=True)
@pytest.mark.parametrize("draw", DRAWS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_native_draws_follow_the_generator(library, draw, dtype):
    like = library.asarray([0.0], dtype)
    function = getattr(kernels_for(like), draw)
    one, same, other = (
        [library.to_numpy(function(native(g), (3, 400), like)) for _ in range(2)]
        for g in generators(library)
    )
    assert one[0].dtype == dtype
    assert one[0].shape == (3, 400)
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one[0], one[1])
    assert not np.array_equal(one[0], other[0])
    mean, std = {"uniform": (0.5, 12**-0.5), "normal": (0, 1), "signs": (0, 1)}[draw]
    assert abs(np.mean(one) - mean) < 5 * std / 2400**0.5
    assert abs(np.std(one) - std) < 5 * std / 2400**0.5
    assert draw != "signs" or set(np.unique(one)) == {-1.0, 1.0}


@pytest.mark.parametrize("library", ["numpy", "torch"], indirect=True)
@pytest.mark.parametrize("draw", DRAWS)
def test_native_scalars_are_arrays(library, draw):
    like = library.asarray([0.0], "float32")
    array = getattr(kernels_for(like), draw)(native(generators(library)[0]), (), like)
    assert tuple(array.shape) == ()
    assert array.dtype == like.dtype


def test_native_generators_do_not_fold():
    source = native(np.random.default_rng(0))
    assert fold_in(source, 3) is source
    assert split(source, 2) == (source, source)


@pytest.mark.parametrize("library", ["numpy", "strict", "jax"], indirect=True)
@pytest.mark.parametrize("draw", DRAWS)
def test_a_library_without_a_generator_says_so(library, draw):
    like = library.asarray([0.0])
    k = kernels_for(like)
    message = f"{k!r} cannot draw from Foreign. Draw from a key: varlayers.key(seed)."
    foreign = type("Foreign", (), {})()
    with pytest.raises(NotImplementedError, match=f"^{re.escape(message)}$"):
        getattr(k, draw)(native(foreign), (2,), like)


# ---- messages -----------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1.0, "1", None, True, np.float64(1)])
def test_a_seed_is_an_integer(seed):
    message = f"key expected an integer `seed`, got {seed!r}."
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        key(seed)


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_has_64_bits(seed):
    message = f"key expected 0 <= seed < 2**64, got {seed}."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        key(seed)


@pytest.mark.parametrize("data", [-1, 2**32, np.int64(-1)])
def test_folded_data_has_32_bits(data):
    message = f"fold_in expected 0 <= data < 2**32, got {data}."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        fold_in(key(0), data)


@pytest.mark.parametrize(
    "data", [1.0, np.float64(1), np.ones(()), "1", None, np.arange(3)]
)
def test_folded_data_is_an_integer(data):
    message = f"fold_in expected an integer `data`, got {data!r}."
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        fold_in(key(0), data)


def test_traced_data_is_an_integer():
    jax = pytest.importorskip("jax")
    with pytest.raises(TypeError, match=r"^fold_in expected an integer `data`, got "):
        jax.jit(lambda data: fold_in(key(0), data))(1.5)


@pytest.mark.parametrize("function", [fold_in, split])
@pytest.mark.parametrize("source", [5, (0, 0), None])
def test_a_source_is_a_key(function, source):
    message = (
        f"Expected a random key, got {type(source).__name__}. "
        "Make one with varlayers.key(seed)."
    )
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        function(source, 1)
