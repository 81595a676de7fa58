"""What each estimator makes of the positions of an example, in closed form.

With scale[m, i, o] = base[m, i] a[o], the outputs z = (y - mean) / a have, in every
channel, covariances that only the patches decide. Between two patches p and q

    G(p, q) = Σₘᵢ pₘᵢ qₘᵢ base[m, i]²    one weight is shared
    0                                    each has noise of its own

so 0 or G between examples, between positions, and always 0 between channels.
"""

import numpy as np
import pytest
from support.estimators import EVERY_ESTIMATOR
from support.moments import assert_mean

import varlayers as vl
from varlayers.random import fold_in

CHANNELS, DRAWS = 16, 800
NORMAL = vl.MeanFieldNormal(shift=0.0)

# Which outputs share one weight.
SHARED_BY = {
    "reparameterization": "all",
    "local": "none",
    "local, shared bias": "none",
    "flipout": "example",
    "flipout, element": "none",
}


def convolution(name):
    return vl.Convolution(
        *(2, CHANNELS, (3,)),
        strides=2,
        padding="same",
        estimator=EVERY_ESTIMATOR[name],
        posterior=NORMAL,
        bias=None,
    )


def transposed(name):
    return vl.ConvolutionTranspose(
        *(2, CHANNELS, (3,)),
        strides=2,
        estimator=EVERY_ESTIMATOR[name],
        posterior=NORMAL,
        bias=None,
    )


def patches(x):
    """Return what each output of `convolution` sees, (n, 3, 6)."""
    padded = np.pad(x, ((0, 0), (1, 1), (0, 0)))
    return np.stack([padded[:, i : i + 3].reshape(len(x), -1) for i in (0, 2, 4)], 1)


def transposed_patches(x):
    """Return what each output of `transposed` sees, (n, 11, 6)."""
    n, length, channels = x.shape
    full = np.zeros((n, 2 * length + 1, 3, channels))
    for i in range(length):
        for m in range(3):
            full[:, 2 * i + m, m] = x[:, i]
    return full.reshape(n, 2 * length + 1, -1)


def expected_covariance(name, seen, base):
    """Return the covariance of z between all outputs of one channel."""
    count, per_example = seen.shape[0] * seen.shape[1], seen.shape[1]
    rows, example = seen.reshape(count, -1), np.arange(count) // per_example
    shared = {
        "all": np.ones((count, count)),
        "example": example[:, None] == example,
        "none": np.eye(count),
    }[SHARED_BY[name]]
    return (rows * base**2) @ rows.T * shared


@pytest.mark.parametrize("make", [convolution, transposed])
@pytest.mark.parametrize("name", EVERY_ESTIMATOR)
def test_mean_and_covariance(name, make):
    layer, rng = make(name), np.random.default_rng(5)
    x = rng.normal(size=(2, 5, 2))
    seen = patches(x) if make is convolution else transposed_patches(x)
    base, a = rng.uniform(0.4, 1.1, 6), rng.uniform(0.5, 2, CHANNELS)
    loc = rng.normal(size=(6, CHANNELS))
    scale = (base[:, None] * a).reshape(3, 2, CHANNELS)
    kernel = {"loc": loc.reshape(3, 2, CHANNELS), "rho": np.log(np.expm1(scale))}
    means, within, across = [], [], []
    for step in range(DRAWS):
        noise = layer.draw(fold_in(vl.key(11), step), x.shape, x)
        y, _ = layer.forward({"kernel": kernel}, x, noise)
        means.append(y)
        z = ((y - seen @ loc) / a).reshape(-1, CHANNELS)
        total, one = np.sum(z, axis=1), z @ z.T
        within.append(one / CHANNELS)
        across.append((np.outer(total, total) - one) / (CHANNELS * (CHANNELS - 1)))
    assert_mean(means, seen @ loc)
    expected = expected_covariance(name, seen, base)
    assert_mean(within, expected)
    assert_mean(across, np.zeros_like(expected))


def test_signs_of_flipout_are_per_example_and_channel_unless_named():
    x = np.zeros((3, 2, 5, 6, 4))
    layer = vl.Convolution(4, 7, 3, bias=None)
    noise = layer.draw(vl.key(0), x.shape, x)
    assert noise["signs_in"].shape == (3, 2, 1, 1, 4)
    assert noise["signs_out"].shape == (3, 2, 1, 1, 7)
    layer = vl.Convolution(4, 7, 3, bias=None, estimator=vl.Flipout("element"))
    noise = layer.draw(vl.key(0), x.shape, x)
    assert noise["signs_in"].shape == x.shape
    assert noise["signs_out"].shape == (3, 2, 3, 4, 7)


def test_flipout_is_one_convolution_by_a_kernel_of_each_example():
    layer = vl.Convolution(2, 3, 3, padding="same", bias=None)
    x = np.random.default_rng(0).normal(size=(4, 5, 6, 2))
    params, noise = layer.init(vl.key(0), x), layer.draw(vl.key(1), x.shape, x)
    y, _ = layer.forward(params, x, noise)
    still = vl.Convolution(2, 3, 3, padding="same", bias=None, posterior="point")
    scale = layer.weights(params)["kernel"]["scale"]
    for one in range(4):
        signs = noise["signs_in"][one].reshape(-1, 1) * noise["signs_out"][one].ravel()
        own = params["kernel"]["loc"] + scale * noise["kernel"] * signs
        expected, _ = still.forward({"kernel": {"loc": own}}, x[one], {})
        np.testing.assert_allclose(y[one], expected, rtol=0, atol=1e-12)
