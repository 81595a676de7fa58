import numpy as np
import pytest
from scipy.stats import norm

from varlayers.likelihoods import NormalLearnedScale


@pytest.mark.parametrize("scale", [2e-3, 0.5, 1e3])
def test_init_has_the_initial_scale(scale, library):
    likelihood = NormalLearnedScale(scale, shape=(2,))
    outputs = library.asarray(np.zeros((1, 2)))
    params = likelihood.init(outputs)
    variance = likelihood.variance(params, outputs)
    np.testing.assert_allclose(library.to_numpy(variance), scale**2, rtol=1e-12)


def test_nll_is_scipys():
    rng = np.random.default_rng(0)
    outputs, targets = rng.normal(size=(2, 6, 4))
    likelihood = NormalLearnedScale(shift=0.25, shape=(4,))
    rho = rng.normal(size=4)
    desired = -norm.logpdf(targets, outputs, np.log1p(np.exp(rho)) + 0.25).sum(axis=1)
    actual = likelihood.nll({"rho": rho}, outputs, targets)
    np.testing.assert_allclose(actual, desired, rtol=1e-13)


@pytest.mark.parametrize("rho", [-1e3, 1e3])
def test_extreme_rho_is_finite(rho, library):
    likelihood = NormalLearnedScale()
    arguments = library.asarray(rho), library.asarray([0.1]), library.asarray([0.2])
    value, dm, dparams = likelihood.value_and_grad(
        {"rho": arguments[0]}, *arguments[1:]
    )
    scale = 1e-3 + max(rho, 0)
    np.testing.assert_allclose(
        library.to_numpy(value), -norm.logpdf(0.2, 0.1, scale), rtol=1e-12
    )
    np.testing.assert_allclose(library.to_numpy(dm), -0.1 / scale**2, rtol=1e-12)
    slope = 1.0 if rho > 0 else 0.0
    desired = slope * (1 - (0.1 / scale) ** 2) / scale
    np.testing.assert_allclose(library.to_numpy(dparams["rho"]), desired, rtol=1e-12)


@pytest.mark.parametrize(
    ("initial_scale", "shift"), [(1.0, -0.1), (1e-3, 1e-3), (0.0, 0.0), (-1.0, 0.0)]
)
def test_numbers_out_of_range_are_refused(initial_scale, shift):
    with pytest.raises(
        ValueError, match=r"expected `initial_scale` > `shift` >= 0, got .* and "
    ):
        NormalLearnedScale(initial_scale, shift)


def test_a_shape_that_does_not_fit_is_refused():
    likelihood = NormalLearnedScale(shape=[2])
    with pytest.raises(
        ValueError,
        match=r"LearnedScale expected `shape` of shape \(\) or .* \(3,\), got \(2,\)",
    ):
        likelihood.mean(likelihood.init(), np.zeros((5, 3), np.float32))


def test_parameters_of_another_name_are_refused():
    with pytest.raises(
        ValueError,
        match=r"expected parameters \['rho'\], got \[\]\. Make them with init",
    ):
        NormalLearnedScale().mean({}, np.zeros(3))


@pytest.mark.parametrize("rho", [np.zeros(1), np.zeros((), np.float32)])
def test_parameters_of_another_shape_or_dtype_are_refused(rho):
    with pytest.raises(
        ValueError,
        match=r"expected `rho` of shape \(\) and dtype float64, got \(.* and float",
    ):
        NormalLearnedScale().mean({"rho": rho}, np.zeros(3))
