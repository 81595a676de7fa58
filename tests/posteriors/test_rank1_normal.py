import numpy as np
import pytest
from support.moments import assert_mean

from varlayers.dispatch import kernels_for
from varlayers.posteriors import Rank1Normal
from varlayers.random import key

RNG = np.random.default_rng(0)
POSTERIOR = Rank1Normal(shift=0.0)
K = kernels_for(np.zeros(1))


def example(shape):
    params = {name: RNG.normal(size=of) for name, of in POSTERIOR.shapes(shape).items()}
    return params, POSTERIOR.constrain(K, params)


@pytest.mark.parametrize(
    ("shape", "factors"), [((3, 2), (3, 2)), ((2, 5, 3, 4), (3, 4)), ((4,), (1, 4))]
)
def test_sample_is_the_mean_times_an_outer_product(shape, factors):
    params, q = example(shape)
    assert POSTERIOR.noise_shape(shape) == (sum(factors),)
    eps = RNG.normal(size=sum(factors))
    row, column = (np.logaddexp(params[f"{side}_rho"], 0) for side in ("row", "column"))
    r, s = 1 + row * eps[: factors[0]], 1 + column * eps[factors[0] :]
    outer = np.reshape(np.outer(r, s), shape[-2:])
    actual = POSTERIOR.sample(K, q, eps)
    np.testing.assert_allclose(actual, params["loc"] * outer, rtol=1e-13)


def test_samples_have_the_covariance_of_the_factors():
    params, q = example((2, 2))
    noise = RNG.normal(size=(20_000, 4))
    off = np.array([POSTERIOR.sample(K, q, eps) for eps in noise]) - params["loc"]
    row, column = (
        1 + np.diag(np.logaddexp(params[f"{side}_rho"], 0) ** 2)
        for side in ("row", "column")
    )
    expected = np.einsum("ij,op->iojp", row, column) - 1
    scaled = np.einsum("io,jp,iojp->iojp", params["loc"], params["loc"], expected)
    assert_mean(off[:, :, :, None, None] * off[:, None, None, :, :], scaled)


@pytest.mark.parametrize("fraction", [0.01, 0.1, 2.0])
def test_starts_with_noise_relative_to_each_weight(fraction):
    loc, posterior = RNG.normal(size=(3, 4, 2)), Rank1Normal(fraction)
    params = posterior.init(K, key(0), loc, fan_in=12)
    _, variance = posterior.moments(K, posterior.constrain(K, params))
    np.testing.assert_allclose(np.sqrt(variance), fraction * np.abs(loc), rtol=1e-10)


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan])
def test_refuses_a_prior_scale_that_is_none(value):
    message = rf"^Rank1Normal expected `prior_scale` > 0, got {value}\.$"
    with pytest.raises(ValueError, match=message):
        Rank1Normal(prior_scale=value)
