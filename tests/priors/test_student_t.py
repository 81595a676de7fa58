import numpy as np
import pytest
from scipy.stats import cauchy, t

from varlayers.dispatch import kernels_for
from varlayers.priors import StudentTPrior

W = np.array([-1e6, -30.0, -1.0, 0.0, 0.3, 2.0, 1e3])
K = kernels_for(W)


@pytest.mark.parametrize("df", [0.5, 3, 40.0])
def test_density_is_that_of_scipy(df):
    log_p, _, _ = StudentTPrior(0.3, 0.7, df=df).log_density(K, {}, W, 1)
    np.testing.assert_allclose(log_p, t(df, 0.3, 0.7).logpdf(W), rtol=1e-12)


def test_one_degree_of_freedom_is_cauchys():
    log_p, _, _ = StudentTPrior(df=1).log_density(K, {}, W, 1)
    np.testing.assert_allclose(log_p, cauchy().logpdf(W), rtol=1e-13)


def test_learned_degrees_of_freedom_are_its_own(library):
    prior, w = StudentTPrior(0.3, 0.7, df=2.5, trainable=("df",)), library.asarray(W)
    assert prior.shapes == {"log_df": ()}
    k = kernels_for(w)
    log_p, _, _ = prior.log_density(k, {"log_df": library.asarray(np.log(6.0))}, w, 1)
    desired = t(6, 0.3, 0.7).logpdf(W)
    np.testing.assert_allclose(library.to_numpy(log_p), desired, rtol=1e-12)


@pytest.mark.parametrize("df", [0.7, 3.0, 40.0])
def test_gradient_by_its_own_degrees_of_freedom_has_mean_zero(df):
    """As every score has; by a sum over quantiles."""
    w = t(df).ppf((np.arange(20_000) + 0.5) / 20_000)
    prior = StudentTPrior(df=df, trainable=("df",))
    _, _, grads = prior.log_density(K, prior.init(K, w), w, 1)
    assert np.mean(grads["log_df"]) == pytest.approx(0, abs=5e-4)
    other = StudentTPrior(df=2 * df, trainable=("df",))
    _, _, grads = other.log_density(K, other.init(K, w), w, 1)
    assert np.mean(grads["log_df"]) < 0


@pytest.mark.parametrize("df", [0, -1.0, np.inf, np.nan])
def test_refuses_other_degrees_of_freedom(df):
    message = rf"StudentTPrior expected `df` > 0 and finite, got {df}\. For normal"
    with pytest.raises(ValueError, match=message):
        StudentTPrior(df=df)
