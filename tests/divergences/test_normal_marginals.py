import numpy as np
import pytest

from varlayers.dispatch import kernels_for
from varlayers.divergences.normal_marginals import has_normal_marginals, kl_of_marginals
from varlayers.divergences.normal_normal import kl_normal_normal
from varlayers.posteriors import POSTERIORS, MeanFieldNormal, Point
from varlayers.priors import NormalPrior
from varlayers.types import Comparison

LOC, SCALE, SLOPE = np.abs(np.random.default_rng(0).normal(size=(3, 2, 2)))


def test_with_the_formula_of_a_normal_it_is_the_closed_form():
    prior = NormalPrior(0.3, 0.7, trainable=("loc",))
    learned = {"loc": np.array(0.3)}
    q = (LOC, SCALE, SLOPE)
    pair = Comparison(MeanFieldNormal(), prior, q, learned, 1)
    start = {"loc": np.ones_like(LOC), "rho": np.ones_like(LOC)}

    def expected(m, s):
        log_p = -0.5 * ((m - 0.3) ** 2 + s**2) / 0.49 - np.log(0.7 * np.sqrt(2 * np.pi))
        dm, ds = -(m - 0.3) / 0.49, -s / 0.49
        return log_p, dm, ds, {"loc": -dm}

    k = kernels_for(LOC)
    value, grads, dprior = kl_of_marginals(k, pair, 0.6, start, expected)
    again = {name: np.ones_like(LOC) for name in start}
    same, same_grads, same_dprior = kl_normal_normal(k, pair, 0.6, again)
    assert value == pytest.approx(same, rel=1e-13)
    for name, grad in grads.items():
        np.testing.assert_allclose(grad, same_grads[name], rtol=1e-12)
    assert dprior["loc"] == pytest.approx(same_dprior["loc"], rel=1e-12)


def test_knows_who_has_normal_marginals():
    assert has_normal_marginals(MeanFieldNormal())
    assert not has_normal_marginals(Point())
    for other in ("radial", "laplace"):
        assert not has_normal_marginals(POSTERIORS[other])
