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


@pytest.mark.parametrize("df", [0, -1.0, np.inf, np.nan])
def test_refuses_other_degrees_of_freedom(df):
    message = rf"StudentTPrior expected `df` > 0 and finite, got {df}\. For normal"
    with pytest.raises(ValueError, match=message):
        StudentTPrior(df=df)
