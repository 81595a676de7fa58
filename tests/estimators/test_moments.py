"""Means, variances and covariances of each estimator's outputs in closed form.

With scale[i, o] = base[i] a[o], the outputs z = (y - mean) / a have, in every channel,
covariances that only the rows of x decide: between rows x and x',

    G(x, x') = Σᵢ xᵢ x'ᵢ baseᵢ²     one weight is shared by both rows
    0                               each row, or example, has noise of its own

and 0 between channels. A normal bias of scale b a[o] adds b² where it is shared.
"""

import numpy as np
import pytest
from support.estimators import EVERY_ESTIMATOR
from support.moments import assert_mean

from varlayers.layers import Dense
from varlayers.posteriors import MeanFieldNormal
from varlayers.random import fold_in, key

BASE = np.array([0.7, 1.1, 0.4])
BIAS = 0.9
CHANNELS = 24
DRAWS = 800
NORMAL = MeanFieldNormal(shift=0.0)

# Which rows share one weight, and which one bias.
WEIGHT_SHARED_BY = {
    "reparameterization": "all",
    "local": "none",
    "local, shared bias": "none",
    "flipout": "example",
    "flipout, element": "none",
}
BIAS_SHARED_BY = dict.fromkeys(EVERY_ESTIMATOR, "all") | {"local": "none"}


def rho_of(scale):
    return np.log(np.expm1(scale))


def arguments(x_shape, bias):
    """Return the layer's parameters, x, the outputs' mean, and a."""
    rng = np.random.default_rng(5)
    x, a = rng.normal(size=x_shape), rng.uniform(0.5, 2, CHANNELS)
    loc, loc_bias = rng.normal(size=(3, CHANNELS)), rng.normal(size=CHANNELS)
    params = {"kernel": {"loc": loc, "rho": rho_of(BASE[:, None] * a)}}
    if bias:
        params["bias"] = {"loc": loc_bias, "rho": rho_of(BIAS * a)}
    mean = np.einsum("...i,io->...o", x, loc) + (loc_bias if bias else 0)
    return params, x, mean, a


def sharing(x):
    """Return, for each answer above, which pairs of rows of x share."""
    count, per_example = x.size // 3, x[0].size // 3
    example = np.arange(count) // per_example
    return {
        "all": np.ones((count, count)),
        "example": (example[:, None] == example).astype(float),
        "none": np.eye(count),
    }


def expected_covariance(name, x, bias):
    """Return the covariance of z between all rows of x."""
    rows, shared = x.reshape(-1, 3), sharing(x)
    covariance = (rows * BASE**2) @ rows.T * shared[WEIGHT_SHARED_BY[name]]
    return covariance + (BIAS**2 * shared[BIAS_SHARED_BY[name]] if bias else 0)


def second_moments(z):
    """Return the products of rows, averaged over one channel and over two."""
    total = np.sum(z, axis=1)
    within = z @ z.T
    across = np.outer(total, total) - within
    return within / CHANNELS, across / (CHANNELS * (CHANNELS - 1))


@pytest.mark.parametrize("x_shape", [(4, 3), (2, 3, 3)])
@pytest.mark.parametrize("bias", [None, NORMAL], ids=["no bias", "normal bias"])
@pytest.mark.parametrize("name", EVERY_ESTIMATOR)
def test_mean_and_covariance(name, bias, x_shape):
    estimator = EVERY_ESTIMATOR[name]
    layer = Dense(3, CHANNELS, estimator=estimator, posterior=NORMAL, bias=bias)
    params, x, mean, a = arguments(x_shape, bias)
    means, within, across = [], [], []
    for step in range(DRAWS):
        noise = layer.draw(fold_in(key(11), step), x.shape, x)
        y, _ = layer.forward(params, x, noise)
        means.append(y)
        one, two = second_moments(((y - mean) / a).reshape(-1, CHANNELS))
        within.append(one)
        across.append(two)
    assert_mean(means, mean)
    expected = expected_covariance(name, x, bias)
    assert_mean(within, expected)
    assert_mean(across, np.zeros_like(expected))
