import numpy as np
import pytest

from varlayers.dispatch import kernels_for
from varlayers.posteriors import MeanFieldLaplace, MeanFieldNormal
from varlayers.posteriors.mean_field import MeanField
from varlayers.random import key

K = kernels_for(np.zeros(1))
families = pytest.mark.parametrize("posterior", [MeanFieldLaplace(), MeanFieldNormal()])


@families
def test_noise_has_the_deviation_and_entropy_it_says(posterior):
    eps = posterior.draw(K, key(1), (100_000,), np.zeros(1))
    assert np.std(eps) == pytest.approx(posterior.noise_deviation, rel=0.02)
    mean = -posterior.noise_log_density(K, eps) / eps.size
    assert mean == pytest.approx(posterior.noise_entropy, rel=0.01)


@families
def test_density_of_the_noise_integrates_to_1(posterior):
    ends = np.linspace(-40, 40, 8001)
    density = [np.exp(posterior.noise_log_density(K, x)) for x in ends[:, None]]
    assert np.trapezoid(density, ends) == pytest.approx(1, rel=1e-5)


@families
def test_certain_weights_have_infinite_density_and_a_finite_gradient(posterior):
    q = np.array([1.0, 2.0]), np.zeros(2), np.zeros(2)
    value, grads = posterior.log_density_at(K, q, np.ones(2))
    assert value == np.inf
    np.testing.assert_array_equal(grads["rho"], [-1, -1])


def test_cannot_be_made_itself():
    with pytest.raises(TypeError, match="abstract"):
        MeanField()
