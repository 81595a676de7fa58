"""Are the random numbers random? Fixed keys, and a stated chance of a false alarm.

Each test would fail for a perfect generator with probability at most ALPHA (Bonferroni
inside a test). The keys are fixed, so a pass stays a pass. The numbers are those of
NumPy's kernels; `test_random.py` holds the other libraries to the same.
"""

import numpy as np
import pytest
from scipy import stats
from scipy.special import ndtr

from varlayers.dispatch import kernels_for
from varlayers.random import Key, fold_in, key, split, threefry

ALPHA = 1e-6
MANY = 10_000_000
LAGS = range(1, 65)
DTYPES = ["float32", "float64"]


def draw(kind, source, count, dtype="float64"):
    like = np.zeros(1, dtype)
    return getattr(kernels_for(like), kind)(source, (count,), like)


def words(source, count):
    like = np.zeros(1)
    return kernels_for(like).words(source, count, like)


def assert_standard(scores):
    """Hold scores, each N(0, 1) for a perfect generator, against the normal's tail."""
    scores = np.ravel(scores)
    limit = stats.norm.isf(ALPHA / (2 * scores.size))
    worst = np.max(np.abs(scores))
    assert worst < limit, f"{worst:.2f} standard errors, limit {limit:.2f}"


def assert_uniform_table(*cells, size):
    """Hold a contingency table of independent uniform cells in `size` against χ²."""
    flat = np.zeros(1, np.int64)
    for cell in cells:
        flat = flat * size + cell
    counts = np.bincount(flat, minlength=size ** len(cells))
    p = stats.chisquare(counts).pvalue
    assert ALPHA / 2 < p < 1 - ALPHA / 2, p  # too even is as suspect as too uneven


def correlation_score(a, b):
    """Return the correlation of standardized numbers in standard errors."""
    return (a @ b) / np.sqrt(a.size)


@pytest.fixture(scope="module", params=DTYPES)
def normals(request):
    """Many normals of one key."""
    return draw("normal", key(1), MANY, request.param)


# ---- one key, the marginal distribution ---------------------------------------------


def test_moments_of_normals(normals):
    scores, power = [], np.ones(MANY)
    for k in range(1, 5):
        power = power * normals
        moment, square = _normal_moment(k), _normal_moment(2 * k)
        error = np.sqrt((square - moment**2) / MANY)
        scores.append((np.mean(power) - moment) / error)
    assert_standard(scores)


def _normal_moment(k):
    return 0 if k % 2 else np.prod(np.arange(1, k, 2))


def test_normals_follow_the_normal_distribution(normals):
    exact = ndtr(np.sort(normals.astype(np.float64)))
    grid = np.arange(MANY + 1) / MANY
    distance = max(np.max(grid[1:] - exact), np.max(exact - grid[:-1]))
    assert stats.kstwobign.sf(distance * np.sqrt(MANY)) > ALPHA


@pytest.mark.parametrize("dtype", DTYPES)
def test_tails_of_normals(dtype):
    limits, draws = (3, 4, 5, 5.5), 5
    above, below = np.zeros(len(limits), int), np.zeros(len(limits), int)
    largest = 0.0
    for i in range(draws):
        z = draw("normal", fold_in(key(2), i), MANY, dtype)
        z = z[np.abs(z) > limits[0]]
        above += [np.count_nonzero(z > limit) for limit in limits]
        below += [np.count_nonzero(z < -limit) for limit in limits]
        largest = max(largest, np.max(np.abs(z)))
    for limit, *counts in zip(limits, above, below, strict=True):
        for count in counts:
            test = stats.binomtest(int(count), draws * MANY, stats.norm.sf(limit))
            assert test.pvalue > ALPHA / (2 * len(limits)), (limit, count)
    assert 5.5 < largest <= 6.77


@pytest.mark.parametrize("dtype", DTYPES)
def test_uniforms_fill_the_unit_interval(dtype):
    u = draw("uniform", key(3), MANY, dtype)
    assert np.min(u) >= 0
    assert np.max(u) < 1
    assert_uniform_table((u * 4096).astype(np.int64), size=4096)
    low_bits = (u * 2.0**24).astype(np.int64) % 4096
    assert_uniform_table(low_bits, size=4096)


def test_first_numbers_of_many_keys():
    children = [fold_in(key(4), i) for i in range(10_000)]
    z = np.array([draw("normal", child, 2) for child in children])
    for column in z.T:
        assert stats.kstest(column, "norm").pvalue > ALPHA / 2
    assert_standard(correlation_score(z[:, 0], z[:, 1]))
    assert_standard([correlation_score(column[1:], column[:-1]) for column in z.T])


# ---- one key, independence across counters ------------------------------------------


def test_lagged_correlations_of_normals(normals):
    z = normals.astype(np.float64)
    assert_standard([correlation_score(z[lag:], z[:-lag]) for lag in LAGS])
    energy = (z * z - 1) / np.sqrt(2)  # sees a radius shared by several numbers
    assert_standard([correlation_score(energy[lag:], energy[:-lag]) for lag in LAGS])


def test_pairs_of_normals_fill_the_plane(normals):
    u = (ndtr(normals.astype(np.float64)) * 64).astype(np.int64)
    assert_uniform_table(u[0::2], u[1::2], size=64)
    assert_uniform_table(u[1:-1:2], u[2::2], size=64)
    assert_uniform_table(u[0::4], u[2::4], size=64)


@pytest.mark.parametrize("shift", [0, 13, 26], ids=["low", "middle", "high"])
def test_pairs_of_words_fill_the_plane(shift):
    bits = ((words(key(5), MANY) >> np.uint32(shift)) & 63).astype(np.int64)
    assert_uniform_table(bits[0::2], bits[1::2], size=64)
    assert_uniform_table(bits[1:-1:2], bits[2::2], size=64)
    assert_uniform_table(bits[0::4], bits[2::4], size=64)


# ---- independence across keys -------------------------------------------------------

PAIRS = {
    "children": lambda i: (fold_in(key(6), i), fold_in(key(6), i + 1)),
    "child and part": lambda i: (fold_in(key(6), i), split(key(6), i + 1)[i]),
    "parts": lambda i: tuple(split(key(6), i + 2)[-2:]),
    "child and grandchild": lambda i: (
        fold_in(key(6), i),
        fold_in(fold_in(key(6), i), 0),
    ),
    "parent and child": lambda i: (key(i), fold_in(key(i), 0)),
    "seeds": lambda i: (key(i), key(i + 1)),
    "seeds, far apart": lambda i: (key(i), key(i + 2**32)),
    "seeds, words swapped": lambda i: (key(i + 1), key((i + 1) << 32)),
    "orders of folding": lambda i: (
        fold_in(fold_in(key(6), i), i + 1),
        fold_in(fold_in(key(6), i + 1), i),
    ),
}


@pytest.mark.parametrize("relation", PAIRS)
def test_related_keys_give_unrelated_numbers(relation):
    pairs = [PAIRS[relation](i) for i in range(50)]
    a, b = (
        np.concatenate([words(pair[side], 40_000) for pair in pairs]) for side in (0, 1)
    )
    for shift in (0, 26):
        both = (((w >> np.uint32(shift)) & 63).astype(np.int64) for w in (a, b))
        assert_uniform_table(*both, size=64)
    differing = np.bitwise_count(a ^ b).sum(dtype=np.int64)
    assert_standard((differing - 16 * a.size) / np.sqrt(8 * a.size))
    z, y = (
        np.concatenate([draw("normal", pair[side], 40_000) for pair in pairs])
        for side in (0, 1)
    )
    energies = correlation_score(z * z - 1, (y * y - 1) / 2)
    shifted = correlation_score(z[1:], y[:-1])
    assert_standard([correlation_score(z, y), shifted, energies])


def test_covariance_of_many_children():
    count, size = 200, 20_000
    z = np.stack([draw("normal", fold_in(key(7), i), size) for i in range(count)])
    above = np.triu_indices(count, 1)
    assert_standard((z @ z.T)[above] / np.sqrt(size))


# ---- bits ---------------------------------------------------------------------------


def test_bits_are_balanced_and_uncorrelated():
    w = words(key(8), 250_000)
    bits = ((w[:, None] >> np.arange(32, dtype=np.uint32)) & 1).astype(np.float32)
    signs = 1 - 2 * bits  # sums of these are exact in float32
    assert_standard(signs.sum(axis=0) / 500)
    assert_standard((signs.T @ signs)[np.triu_indices(32, 1)] / 500)
    assert_standard((signs[1:].T @ signs[:-1]) / np.sqrt(len(w) - 1))


@pytest.mark.parametrize("rounds", [13, 20])
@pytest.mark.parametrize("word", ["counter", "key 0", "key 1"])
def test_avalanche(rounds, word):
    """Flipping any bit of counter or key flips each output bit with probability 1/2."""
    count = 8192
    inputs = words(key(9), 2 * count).reshape(2, count)
    arguments = {"counter": np.arange(count, dtype=np.uint32)}
    arguments |= {"key 0": inputs[0], "key 1": inputs[1]}
    plain = _outputs(arguments, rounds)
    for bit in range(32):
        flipped = arguments[word] ^ np.uint32(1 << bit)
        changed = plain ^ _outputs({**arguments, word: flipped}, rounds)
        bits = (changed >> np.arange(64, dtype=np.uint64)[:, None]) & np.uint64(1)
        flips = bits.sum(axis=1).astype(np.float64)
        # 32 tests of 64 bits each share the chance of a false alarm
        p = stats.binom.sf(np.abs(flips - count / 2) + count / 2 - 1, count, 0.5)
        assert np.min(p) > ALPHA / (2 * 32 * 64)


def _outputs(arguments, rounds):
    """Return both words as one of 64 bits."""
    counter, k0, k1 = arguments.values()
    x0, x1 = threefry(
        Key(k0, k1), counter, np.zeros_like(counter), rounds=rounds, wrap=lambda w: w
    )
    return x0.astype(np.uint64) << np.uint64(32) | x1


# ---- signs --------------------------------------------------------------------------


def test_signs_are_fair_and_independent():
    s = draw("signs", key(10), MANY)
    assert_standard(np.sum(s) / np.sqrt(MANY))
    assert_standard([correlation_score(s[lag:], s[:-lag]) for lag in LAGS])
    for lag in (1, 32):
        products = s[lag:] * s[:-lag]
        assert_standard(correlation_score(products[2:], products[:-2]))


def test_signs_of_related_keys():
    count, size = 200, 20_000
    s = np.stack([draw("signs", fold_in(key(11), i), size) for i in range(count)])
    assert_standard((s @ s.T)[np.triu_indices(count, 1)] / np.sqrt(size))
    assert_standard(s.sum(axis=1) / np.sqrt(size))
    assert_standard(s.sum(axis=0) / np.sqrt(count))


# ---- the tests themselves -----------------------------------------------------------


def test_the_tests_see_a_weak_generator():
    """Threefry of four rounds, which its authors call weak, fails the avalanche."""
    with pytest.raises(AssertionError):
        test_avalanche(4, "counter")


def test_the_tests_see_a_small_correlation():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 100_000))
    assert_standard(correlation_score(a, b))
    with pytest.raises(AssertionError):
        assert_standard(correlation_score(a, b + 0.03 * a))


def test_the_tests_see_an_uneven_table():
    u = np.random.default_rng(0).integers(0, 64, (2, 1_000_000))
    assert_uniform_table(*u, size=64)
    with pytest.raises(AssertionError):
        assert_uniform_table(u[0], np.where(u[1] % 64 == 0, u[0], u[1]), size=64)
    with pytest.raises(AssertionError):
        assert_uniform_table(np.arange(1_000_000) % 64, size=64)
