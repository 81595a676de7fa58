import numpy as np
import pytest
from support.libraries import assert_same
from support.moments import assert_mean

from varlayers.dispatch import kernels_for
from varlayers.initializers import INITIALIZERS
from varlayers.posteriors import MeanFieldNormal
from varlayers.random import fold_in, key

SHAPE = (3, 2)
RNG = np.random.default_rng(0)
PARAMS = {"loc": RNG.normal(size=SHAPE), "rho": RNG.normal(size=SHAPE)}


@pytest.mark.parametrize("shift", [0.0, 0.3])
def test_constrains_to_softplus_plus_shift(library, shift):
    params = library.tree(PARAMS)
    q = MeanFieldNormal(shift=shift).constrain(kernels_for(params["loc"]), params)
    scale = np.logaddexp(PARAMS["rho"], 0) + shift
    slope = 1 / (1 + np.exp(-PARAMS["rho"]))
    assert_same(library, q, (PARAMS["loc"], scale, slope), 1e-14)


def test_samples_have_the_mean_and_variance_of_moments():
    posterior, like = MeanFieldNormal(), np.zeros(SHAPE)
    k = kernels_for(like)
    q = posterior.constrain(k, PARAMS)
    eps = [posterior.draw(k, fold_in(key(4), i), SHAPE, like) for i in range(4000)]
    samples = np.array([posterior.sample(k, q, one) for one in eps])
    mean, variance = posterior.moments(k, q)
    np.testing.assert_allclose(variance, q[1] ** 2)
    assert_mean(samples, mean)
    assert_mean((samples - mean) ** 2, variance)


@pytest.mark.parametrize(("rho", "scale", "slope"), [(-1e3, 0.0, 0.0), (1e3, 1e3, 1.0)])
def test_corners(library, rho, scale, slope):
    params = library.tree({"loc": PARAMS["loc"], "rho": np.full(SHAPE, rho)})
    q = MeanFieldNormal(shift=0.0).constrain(kernels_for(params["loc"]), params)
    desired = PARAMS["loc"], np.full(SHAPE, scale), np.full(SHAPE, slope)
    assert_same(library, q, desired, 0)


@pytest.mark.parametrize("fan_in", [1, 64, 10_000])
@pytest.mark.parametrize("posterior", [MeanFieldNormal(), MeanFieldNormal(0.5, 0.0)])
def test_initial_scale_is_a_fraction_of_the_root_of_fan_in(library, posterior, fan_in):
    loc = library.asarray(PARAMS["loc"])
    k = kernels_for(loc)
    params = posterior.init(k, key(0), loc, fan_in=fan_in)
    _, scale, _ = posterior.constrain(k, params)
    expected = posterior.initial_scale / np.sqrt(fan_in)
    np.testing.assert_allclose(library.to_numpy(scale), expected, rtol=1e-12)


@pytest.mark.parametrize("width", [30, 900])
def test_initial_noise_is_that_fraction_of_the_signal(width):
    """Of the pre-activations, for a mean of variance 1 / fan_in, whatever the width."""
    x = np.random.default_rng(1).normal(size=(50, width)) + 0.3
    like = np.zeros((width, 200))
    k, posterior = kernels_for(like), MeanFieldNormal()
    loc = INITIALIZERS["lecun_normal"](k, key(0), like.shape, like, like.shape)
    params = posterior.init(k, key(1), loc, fan_in=width)
    eps = k.normal(key(2), like.shape, like)
    mean, delta = posterior.perturb(k, posterior.constrain(k, params), eps)
    # Two of 50 times 200 numbers, correlated by x: 3 % standard error, so 10 % is 3.
    assert np.std(x @ delta) / np.std(x @ mean) == pytest.approx(0.1, rel=0.1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"initial_scale": 0}, r"`initial_scale` > 0, got 0\. For fixed weights use"),
        ({"initial_scale": -1.0}, r"`initial_scale` > 0, got -1\.0\."),
        ({"shift": -1e-3}, r"`shift` >= 0, got -0\.001\."),
        ({"shift": np.nan}, r"`shift` >= 0, got nan\."),
    ],
)
def test_refuses_arguments_out_of_range(arguments, message):
    with pytest.raises(ValueError, match="MeanFieldNormal expected " + message):
        MeanFieldNormal(**arguments)


def test_refuses_an_initial_scale_within_the_shift():
    posterior, loc = MeanFieldNormal(initial_scale=0.1, shift=0.01), np.zeros(2)
    message = r"scale above `shift`, got 0\.01 <= 0\.01 for fan_in = 100\."
    with pytest.raises(ValueError, match=message):
        posterior.init(kernels_for(loc), key(0), loc, fan_in=100)
