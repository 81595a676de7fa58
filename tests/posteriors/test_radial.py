import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import halfnorm, norm
from support.moments import assert_mean

from varlayers.dispatch import kernels_for
from varlayers.posteriors import Radial
from varlayers.random import key

RNG = np.random.default_rng(0)
K = kernels_for(np.zeros(1))


def example(n):
    params = {"loc": RNG.normal(size=n), "rho": RNG.normal(size=n)}
    return Radial(), Radial().constrain(K, params)


def test_distance_is_half_normal_and_direction_uniform():
    posterior, (loc, scale, slope) = example(5)
    noise = RNG.normal(size=(4000, 6))
    samples = [posterior.sample(K, (loc, scale, slope), eps) for eps in noise]
    eta = (np.array(samples) - loc) / scale
    r = np.linalg.norm(eta, axis=1)
    assert_mean(r, halfnorm.mean())
    assert_mean(r**2, 1.0)
    assert_mean(np.log(r), -(np.euler_gamma + np.log(2)) / 2)
    unit = eta / r[:, None]
    assert_mean(unit, np.zeros(5))
    assert_mean(unit[:, :, None] * unit[:, None, :], np.eye(5) / 5)
    assert_mean(unit**4, np.full(5, 3 / (5 * 7)))


@pytest.mark.parametrize(("n", "area"), [(2, 2 * np.pi), (3, 4 * np.pi)])
def test_density_integrates_to_one(n, area):
    """Over the spheres of radius r, with the volume that scale stretches."""
    posterior, q = example(n)
    direction, volume = RNG.normal(size=n), np.prod(q[1])

    def shell(r):
        density, _ = posterior.log_density_at(K, q, np.append(direction, r))
        return area * r ** (n - 1) * np.exp(density) * volume

    assert quad(shell, 0, np.inf)[0] == pytest.approx(1, rel=1e-8)


def test_of_one_element_is_normal():
    posterior, q = example(1)
    for r in (-2.0, 0.5):
        eps = np.array([-0.3, r])
        w = posterior.sample(K, q, eps)
        density, _ = posterior.log_density_at(K, q, eps)
        assert density == pytest.approx(norm(q[0], q[1]).logpdf(w).item(), rel=1e-12)
    desired = norm(q[0], q[1]).entropy().item()
    assert posterior.entropy(K, q)[0] == pytest.approx(desired, rel=1e-12)


def test_mean_of_the_densities_is_minus_the_entropy():
    posterior, q = example(4)
    noise = RNG.normal(size=(4000, 5))
    densities = [posterior.log_density_at(K, q, eps)[0] for eps in noise]
    assert_mean(np.array(densities), -posterior.entropy(K, q)[0])


def test_no_direction_is_the_mean(library):
    loc = library.asarray([1.0, 2.0])
    k, posterior = kernels_for(loc), Radial()
    q = posterior.constrain(k, {"loc": loc, "rho": loc})
    w = posterior.sample(k, q, library.asarray([0.0, 0.0, 1.0]))
    np.testing.assert_array_equal(library.to_numpy(w), [1, 2])


def test_at_no_distance_the_density_is_infinite(library):
    loc = library.asarray([1.0, 2.0])
    k, posterior = kernels_for(loc), Radial()
    q = posterior.constrain(k, {"loc": loc, "rho": loc})
    density, _ = posterior.log_density_at(k, q, library.asarray([1.0, 0.0, 0.0]))
    assert float(density) == np.inf


def test_starts_with_the_standard_deviation_of_a_mean_field_normal():
    loc, posterior = np.zeros((100, 7)), Radial()
    params = posterior.init(K, key(0), loc, fan_in=100)
    _, variance = posterior.moments(K, posterior.constrain(K, params))
    np.testing.assert_allclose(variance, 0.01**2, rtol=1e-12)
