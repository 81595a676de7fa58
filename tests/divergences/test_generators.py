"""Each generator against its f, its derivative by autodiff, and closed forms."""

import numpy as np
import pytest
from support.gradients import AUTODIFF, autodiff
from support.libraries import assert_same
from support.problems import compiled

from varlayers.dispatch import kernels_for
from varlayers.divergences import GENERATORS

# D_f(q ‖ p) = E_p f(q / p); h may differ from f(e^t) e^-t by c (u - 1).
F = {
    "hellinger": lambda r: 1 - np.sqrt(r),
    "jensen_shannon": lambda r: (
        0.5 * (r * np.log(2 * r / (1 + r)) + np.log(2 / (1 + r)))
    ),
    "kl": lambda r: r * np.log(r),
    "neyman": lambda r: (r - 1) ** 2 / r,
    "pearson": lambda r: (r - 1) ** 2,
    "reverse_kl": lambda r: -np.log(r),
    "total_variation": lambda r: 0.5 * np.abs(r - 1),
}
BOUND = {"hellinger": 1, "jensen_shannon": 0.5 * np.log(2), "total_variation": 1}
T = np.array([-8.0, -1.3, -1e-3, 0.2, 1.0, 9.0])
every_generator = pytest.mark.parametrize("name", sorted(GENERATORS))


def test_every_generator_has_its_f():
    assert F.keys() == GENERATORS.keys()


@every_generator
def test_is_its_f_up_to_what_has_no_mean(name):
    """Under q the mean of u - 1, and so of the difference, is 0."""
    h, _ = GENERATORS[name](kernels_for(T), T)
    f, u = F[name](np.exp(T)) * np.exp(-T), np.exp(-T)
    c = (h - f)[0] / (u - 1)[0]
    np.testing.assert_allclose(h - f, c * (u - 1), rtol=1e-9, atol=1e-11)


@every_generator
def test_is_zero_where_the_densities_are_equal(name):
    zero = np.zeros(1)
    assert GENERATORS[name](kernels_for(zero), zero)[0] == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize("engine", AUTODIFF)
def test_slopes_are_those_of_autodiff(engine):
    far = np.array([*T, -500.0, -100.0, 100.0, 500.0])

    def total(library, at):
        return sum(GENERATORS[n](kernels_for(t), t)[0].sum() for n, t in at.items())

    desired = autodiff(engine, total, dict.fromkeys(GENERATORS, far), jit=True)
    for name, function in GENERATORS.items():
        _, slope = function(kernels_for(far), far)
        np.testing.assert_allclose(slope, desired[name], rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@every_generator
def test_extremes_are_finite_and_bounds_are_kept(name, dtype):
    t = np.array([-1e9, -1e4, -200, -30, 30, 200, 1e4, 1e9], dtype)
    with np.errstate(over="raise", invalid="raise"):
        h, slope = GENERATORS[name](kernels_for(t), t)
    assert h.dtype == slope.dtype == t.dtype
    assert np.all(np.isfinite(h))
    assert np.all(np.isfinite(slope))
    if name in BOUND:
        np.testing.assert_allclose(h[-3:], BOUND[name], rtol=1e-6)
        assert np.all(slope[-3:] < 1e-30)


@every_generator
def test_without_end_it_is_its_limit(name):
    t = np.array([np.inf])
    h, slope = GENERATORS[name](kernels_for(t), t)
    limits = {"kl": np.inf, "pearson": np.inf, "neyman": 1, "reverse_kl": 1}
    assert h == (limits | BOUND)[name]
    assert np.isfinite(slope)


@pytest.mark.parametrize(
    "name", ["reverse_kl", "neyman", "jensen_shannon", "total_variation"]
)
def test_is_never_negative(name):
    t = np.linspace(-30, 30, 601)
    h, _ = GENERATORS[name](kernels_for(t), t)
    assert np.all(h >= -1e-15)


def test_same_numbers_on_every_library(library):
    def run(t):
        return tuple(part for f in GENERATORS.values() for part in f(kernels_for(t), t))

    assert_same(library, compiled(library, run)(library.asarray(T)), run(T), 1e-12)
