"""What is NumPy's own in its random numbers: chunks, extreme words, polynomials.

That the numbers are those of the definition is the matter of `tests/test_random.py`.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from varlayers.random import Key, key
from varlayers_backends import numpy_random

KEY = Key(0xFFFFFFFF, 0x9E3779B9)
DRAWS = {
    "uniform": numpy_random.uniform,
    "normal": numpy_random.normal,
    "signs": numpy_random.signs,
    "words": lambda source, count, _: numpy_random.words(source, count),
}
TINY = {"float32": 1e-6, "float64": 4e-15}
EXTREME = np.array([0, 1, 2**30, 2**31 - 1, 2**31, 2**31 + 1, 3 * 2**30, 2**32 - 1])
DTYPES = ["float32", "float64"]


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_chunks_do_not_show(monkeypatch, draw, dtype):
    whole = draw(KEY, 501, dtype)
    for chunk in (1, 8, 250, 251):
        monkeypatch.setattr(numpy_random, "CHUNK", chunk)
        np.testing.assert_allclose(
            draw(KEY, 501, dtype), whole, rtol=0, atol=TINY[dtype]
        )


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_threads_share_nothing(draw):
    keys = [key(seed) for seed in range(8)]
    alone = [draw(source, 100_000, "float32") for source in keys]
    with ThreadPoolExecutor(4) as pool:
        together = pool.map(lambda source: draw(source, 100_000, "float32"), keys)
    assert all(map(np.array_equal, alone, together))


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_key_words_of_numpy_do_not_overflow(draw):
    scalars = Key(*map(np.uint32, KEY))
    expected = draw(KEY, 100, "float64")
    np.testing.assert_array_equal(draw(scalars, 100, "float64"), expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_radius_of_extreme_words(dtype):
    r = np.empty(EXTREME.size, dtype)
    numpy_random._radius(EXTREME.astype(np.uint32), r)
    exact = np.sqrt(-2 * np.log((2 * EXTREME + 1) / 2.0**33))
    # near u = 1 the rounding of u to float32 is that of r²
    np.testing.assert_allclose(r**2, exact**2, rtol=3e-7, atol=3e-7)
    assert r.max() < 6.77


@pytest.mark.parametrize("dtype", DTYPES)
def test_cosine_and_sine(dtype):
    words = np.concatenate(
        [EXTREME, np.random.default_rng(0).integers(0, 2**32, 100_000)]
    )
    turn = 2 * np.pi * (words / 2.0**32)
    u = words.astype(np.uint32).view(np.int32).astype(dtype)
    cos, sin = numpy_random._cos_sin(u, *np.empty((3, words.size), dtype))
    assert np.max(np.abs(cos - np.cos(turn))) < TINY[dtype]
    assert np.max(np.abs(sin - np.sin(turn))) < TINY[dtype]


def test_normals_of_extreme_words(monkeypatch):
    x0, x1 = (
        grid.reshape(-1).astype(np.uint32) for grid in np.meshgrid(EXTREME, EXTREME)
    )
    chunk = (slice(0, x0.size), x0, x1)
    monkeypatch.setattr(numpy_random, "_word_chunks", lambda *_: [chunk])
    for dtype in DTYPES:
        normal = numpy_random.normal(KEY, 2 * x0.size, dtype).reshape(-1, 2)
        r = np.sqrt(-2 * np.log((2.0 * x0 + 1) / 2.0**33))
        np.testing.assert_allclose(np.hypot(*normal.T)[r > 1], r[r > 1], rtol=1e-6)
        angle = np.arctan2(normal[:, 1], normal[:, 0])[r > 1]
        turned = np.exp(1j * angle) / np.exp(2j * np.pi * (x1 / 2.0**32))[r > 1]
        np.testing.assert_allclose(turned, 1, atol=1e-6)
