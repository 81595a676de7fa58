import numpy as np
from support.libraries import assert_same

from varlayers.dispatch import kernels_for
from varlayers.posteriors import MeanFieldNormal, MeanOf, Point
from varlayers.random import key

LOC = np.random.default_rng(0).normal(size=(3, 2))


def test_point_is_its_location(library):
    loc = library.asarray(LOC)
    k, posterior = kernels_for(loc), Point()
    params = posterior.init(k, key(0), loc, fan_in=3)
    assert_same(library, params, {"loc": LOC}, 0)
    assert_same(library, posterior.constrain(k, params), (LOC,), 0)
    assert_same(library, posterior.mean_backward(k, loc), {"loc": LOC}, 0)


def test_mean_of_another_has_its_parameters_and_no_noise(library):
    loc = library.asarray(LOC)
    k, inner = kernels_for(loc), MeanFieldNormal()
    posterior = MeanOf(inner)
    params = posterior.init(k, key(0), loc, fan_in=3)
    rho = library.to_numpy(inner.init(k, key(0), loc, fan_in=3)["rho"])
    assert posterior.deterministic
    assert_same(library, params, {"loc": LOC, "rho": rho}, 0)
    assert_same(library, posterior.constrain(k, params), (LOC,), 0)
    desired = {"loc": LOC, "rho": np.zeros_like(LOC)}
    assert_same(library, posterior.mean_backward(k, loc), desired, 0)
