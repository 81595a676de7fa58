import numpy as np
import pytest
from scipy.stats import norm
from support.likelihoods import call

from varlayers.likelihoods import Normal


def test_nll_is_scipys():
    rng = np.random.default_rng(0)
    outputs, targets = rng.normal(size=(2, 6, 4))
    for scale in (0.3, np.asarray([0.1, 1.0, 10.0, 3.0])):
        desired = -norm.logpdf(targets, outputs, scale).sum(axis=1)
        actual = Normal(scale).nll({}, outputs, targets)
        np.testing.assert_allclose(actual, desired, rtol=1e-13)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64", "float32", "float64"])
def test_every_dtype_of_targets(dtype, library):
    outputs, targets = np.asarray([0.3, -2.0, 1.0]), np.asarray([0, 1, 5])
    desired = Normal(0.5).nll({}, outputs, targets)
    t = library.asarray(targets, dtype)
    actual = library.to_numpy(
        call(library, Normal(0.5).nll, {}, library.asarray(outputs), t)
    )
    np.testing.assert_allclose(actual, desired, rtol=1e-14)


@pytest.mark.parametrize("scale", [[0.5, 2.0], np.asarray([0.5, 2.0])])
def test_scales_become_a_tuple(scale):
    assert Normal(scale) == Normal((0.5, 2.0))
    assert repr(Normal(scale)) == "Normal(scale=(0.5, 2.0))"
    assert repr(Normal(np.float32(2))) == "Normal(scale=2.0)"


@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_a_far_target_is_exact(scale):
    nll = Normal(scale).nll({}, np.asarray([0.0]), np.asarray([1e4]))
    np.testing.assert_allclose(nll, -norm.logpdf(1e4, 0, scale), rtol=1e-14)


def test_mean_and_variance():
    outputs = np.asarray([[1.0, 2.0]])
    likelihood = Normal(np.asarray([0.5, 2.0]))
    np.testing.assert_array_equal(likelihood.mean({}, outputs), outputs)
    np.testing.assert_array_equal(likelihood.variance({}, outputs), [[0.25, 4.0]])


@pytest.mark.parametrize(
    "scale", [0.0, -1.0, float("nan"), [1.0, 0.0], np.ones((2, 2))]
)
def test_a_scale_that_is_not_positive_is_refused(scale):
    with pytest.raises(ValueError, match="Normal expected `scale` > 0, a number or"):
        Normal(scale)


@pytest.mark.parametrize("count", [2, 1, 5])
def test_scales_that_would_broadcast_are_refused(count):
    likelihood = Normal(np.ones(count))
    with pytest.raises(
        ValueError,
        match=r"`scale` of shape \(\) or the last axes of \(3,\), got \(",
    ):
        likelihood.nll({}, np.zeros((5, 3)), np.zeros((5, 3)))


def test_boolean_targets_are_refused():
    with pytest.raises(TypeError, match="Normal expected `targets` of kind integral"):
        Normal().nll({}, np.zeros(3), np.zeros(3, bool))
