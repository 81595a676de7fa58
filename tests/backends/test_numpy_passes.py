"""What is NumPy's own in its passes: the series, the guarded products, long arrays."""

import math

import numpy as np
import pytest

from varlayers.kernels import Kernels
from varlayers_backends import numpy_passes

DTYPES = ["float32", "float64"]
ULP = float(np.finfo(np.float32).eps)


def softplus(x):
    value, slope = np.empty_like(x), np.empty_like(x)
    numpy_passes.softplus(x, value, slope)
    return value, slope


def test_logarithm_to_an_ulp_or_two():
    t = np.concatenate([np.linspace(0, 1, 100_001), np.logspace(-44, 0, 10_001)])
    t = t.astype(np.float32)
    out, z, squared = np.empty((3, t.size), np.float32)
    numpy_passes._log1p(t.copy(), out, z, squared)
    exact = np.log1p(t.astype(np.float64))
    assert np.all(np.abs(out - exact) <= 2 * ULP * exact + 1.5e-45)


@pytest.mark.parametrize("dtype", DTYPES)
def test_softplus_is_exact_in_the_deep_tail(dtype):
    x = np.linspace(-80, 40, 100_001).astype(dtype)
    value, slope = softplus(x)
    wide = x.astype(np.longdouble)
    bound = 4 * np.finfo(dtype).eps
    assert np.max(np.abs(value / np.log1p(np.exp(wide)) - 1)) < bound
    assert np.max(np.abs(slope * (1 + np.exp(-wide)) - 1)) < bound


@pytest.mark.parametrize("dtype", DTYPES)
def test_softplus_beyond_the_tails(dtype):
    x = np.array([-np.inf, -1e3, 0, 1e3, np.inf, np.nan], dtype)
    value, slope = softplus(x)
    expected = [0, 0, math.log(2), 1e3, np.inf, np.nan]
    np.testing.assert_allclose(value, np.array(expected, dtype), rtol=1e-7)
    np.testing.assert_array_equal(slope, [0, 0, 0.5, 1, 1, np.nan])


@pytest.mark.parametrize("size", [1, 3, 4, 5, 4097])
def test_sum_of_logarithms(size):
    x = np.random.default_rng(size).uniform(1e-9, 1e9, size)
    x[: size // 2] = 1e-9
    buffer = np.concatenate([x, np.full(3, np.nan)]).astype(np.float32)
    exact = math.fsum(map(math.log, buffer[:size].tolist()))
    assert numpy_passes._sum_logs(buffer, size) == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize("size", [0, 1, 8191, 8192, 8193, 32768])
def test_inner_product(size):
    x, y = np.random.default_rng(size).normal(size=(2, size))
    exact = math.fsum((x * y).tolist())
    assert numpy_passes._dot(x, y) == pytest.approx(exact, rel=1e-12, abs=1e-12)


def weights(count, dtype, scale):
    rng = np.random.default_rng(count)
    loc, dloc, drho = (rng.normal(size=count).astype(dtype) for _ in range(3))
    return loc, np.asarray(scale, dtype), np.full(count, 0.5, dtype), dloc, drho


def add_kl(arrays, prior_loc=0.0, prior_scale=1.0):
    prior = (np.array(value, arrays[0].dtype) for value in (prior_loc, prior_scale))
    prior_loc, prior_scale = prior
    return numpy_passes.add_kl_normal(
        *arrays, prior_loc=prior_loc, prior_scale=prior_scale, weight=0.3
    )


def generic_kl(arrays, prior_loc=0.0, prior_scale=1.0):
    loc, scale, slope, dloc, drho = (array.astype(np.longdouble) for array in arrays)
    with np.errstate(divide="ignore"):
        return Kernels(np).add_kl_normal_(
            loc, scale, slope, prior_loc, prior_scale, 0.3, dloc, drho
        )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("least", "most"), [(1e-8, 1e8), (1e-13, 1), (1, 1e13), (1e-8, 1e-8)]
)
def test_divergence_over_scales_of_any_size(dtype, least, most):
    count = 100_000
    arrays = weights(count, dtype, np.geomspace(least, most, count))
    kl, dloc, drho = generic_kl(arrays)
    tolerance = 50 * float(np.finfo(dtype).eps)
    assert add_kl(arrays) == pytest.approx(float(kl), rel=tolerance)
    np.testing.assert_allclose(arrays[3], dloc, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(arrays[4], drho, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("corner", [0.0, np.inf])
def test_one_corner_spoils_its_own_weight_only(dtype, corner):
    arrays = weights(40_000, dtype, np.full(40_000, 0.7))
    arrays[1][[5, 39_000]] = corner
    before = [array.copy() for array in arrays]
    with np.errstate(invalid="ignore"):
        kl = add_kl(arrays)
        _, dloc, drho = generic_kl(before)
    assert not np.isfinite(kl)
    np.testing.assert_allclose(arrays[3], dloc, atol=1e-6)
    np.testing.assert_allclose(arrays[4], drho, atol=1e-6)
    assert np.count_nonzero(~np.isfinite(arrays[4])) == (2 if corner else 0)


@pytest.mark.parametrize("scale", [0.1, 0.1 * (1 + 1e-4)])
def test_divergence_near_the_prior_cancels_nothing(scale):
    count = 100_000
    loc, scale, slope, dloc, drho = weights(count, "float32", np.full(count, scale))
    arrays = (np.zeros_like(loc), scale, slope, dloc, drho)
    prior_scale = np.float32(0.1)
    exact, _, _ = generic_kl(arrays, prior_scale=np.longdouble(prior_scale))
    assert add_kl(arrays, prior_scale=prior_scale) == pytest.approx(exact, abs=0.02)


def test_prior_of_one_number_per_weight():
    count = 40_000
    rng = np.random.default_rng(0)
    arrays = weights(count, "float64", rng.uniform(0.1, 2, count))
    prior = {
        "prior_loc": rng.normal(size=count),
        "prior_scale": rng.uniform(1, 2, count),
    }
    kl, _, drho = generic_kl(arrays, **prior)
    assert add_kl(arrays, **prior) == pytest.approx(float(kl), rel=1e-13)
    np.testing.assert_allclose(arrays[4], drho, rtol=1e-12, atol=1e-13)


OPTIONS = {"rate": 0.1, "beta1": 0.9, "beta2": 0.99, "eps": 1e-3, "decay": 0.2}


@pytest.mark.parametrize("step", [1, 7])
def test_adam(step):
    param, grad, m, v = np.random.default_rng(0).uniform(0, 1, (4, 70_001))
    expected = Kernels(np).adam_(param, grad, m, v, **OPTIONS, step=step)
    numpy_passes.adam(param, grad, m, v, **OPTIONS, step=step)
    for actual, desired in zip((param, m, v), expected, strict=True):
        np.testing.assert_allclose(actual, desired, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_descend(decay):
    options = {"momentum": 0.0, "nesterov": False}
    param, grad = np.random.default_rng(0).normal(size=(2, 70_001))
    desired, _ = Kernels(np).sgd_(param, grad, None, rate=0.1, decay=decay, **options)
    before = grad.copy()
    numpy_passes.descend(param, grad, rate=0.1, decay=decay)
    np.testing.assert_allclose(param, desired, rtol=1e-14, atol=1e-15)
    np.testing.assert_array_equal(grad, before)


@pytest.mark.parametrize("nesterov", [True, False])
@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_sgd(nesterov, decay):
    options = {"rate": 0.1, "momentum": 0.9, "nesterov": nesterov, "decay": decay}
    param, grad, velocity = np.random.default_rng(0).normal(size=(3, 70_001))
    expected = Kernels(np).sgd_(param, grad, velocity, **options)
    numpy_passes.sgd(param, grad, velocity, **options)
    for actual, desired in zip((param, velocity), expected, strict=True):
        np.testing.assert_allclose(actual, desired, rtol=1e-14, atol=1e-15)
