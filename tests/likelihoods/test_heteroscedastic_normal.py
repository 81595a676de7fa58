import numpy as np
import pytest
from scipy.stats import norm

from varlayers.likelihoods import HeteroscedasticNormal


def test_nll_is_scipys():
    rng = np.random.default_rng(0)
    outputs, targets = rng.normal(size=(6, 4)), rng.normal(size=(6, 2))
    scale = np.log1p(np.exp(outputs[:, 2:])) + 0.25
    desired = -norm.logpdf(targets, outputs[:, :2], scale).sum(axis=1)
    actual = HeteroscedasticNormal(shift=0.25).nll({}, outputs, targets)
    np.testing.assert_allclose(actual, desired, rtol=1e-13)


def test_mean_and_variance_are_of_the_targets_shape():
    outputs = np.asarray([[1.0, 2.0, -1e3, 1e3]])
    likelihood = HeteroscedasticNormal(shift=0.5)
    np.testing.assert_array_equal(likelihood.mean({}, outputs), [[1.0, 2.0]])
    np.testing.assert_allclose(likelihood.variance({}, outputs), [[0.25, 1000.5**2]])


@pytest.mark.parametrize("raw", [-1e3, 1e3])
def test_extreme_raw_scales_are_finite(raw, library):
    outputs, targets = library.asarray([[0.1, raw]]), library.asarray([[0.2]])
    value, dz, _ = HeteroscedasticNormal().value_and_grad({}, outputs, targets)
    scale = 1e-3 + max(raw, 0)
    np.testing.assert_allclose(
        library.to_numpy(value), -norm.logpdf(0.2, 0.1, scale), rtol=1e-12
    )
    slope = 1.0 if raw > 0 else 0.0
    desired = [[-0.1 / scale**2, slope * (1 - (0.1 / scale) ** 2) / scale]]
    np.testing.assert_allclose(library.to_numpy(dz), desired, rtol=1e-12)


def test_a_negative_shift_is_refused():
    with pytest.raises(ValueError, match="expected `shift` >= 0, got -1"):
        HeteroscedasticNormal(-1)


@pytest.mark.parametrize("shape", [(4,), (4, 3)])
def test_outputs_that_are_no_pairs_are_refused(shape):
    with pytest.raises(
        ValueError,
        match=r"of shape \(n, \.\.\., 2 d\), got \(4.* needs a mean and a raw scale",
    ):
        HeteroscedasticNormal().mean({}, np.zeros(shape))
