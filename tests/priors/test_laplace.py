import numpy as np
from scipy.stats import laplace

from varlayers.dispatch import kernels_for
from varlayers.priors import LaplacePrior

W = np.linspace(-30, 30, 13)


def test_density_is_that_of_scipy():
    log_p, _, _ = LaplacePrior(0.3, 0.7).log_density(kernels_for(W), {}, W, 1)
    np.testing.assert_allclose(log_p, laplace(0.3, 0.7).logpdf(W), rtol=1e-14)


def test_gradient_is_zero_at_the_cusp():
    w = np.array([0.3])
    prior = LaplacePrior(0.3, trainable=("loc",))
    _, dw, dparams = prior.log_density(kernels_for(w), {"loc": np.array(0.3)}, w, 1)
    assert (dw, dparams["loc"]) == (0, 0)
