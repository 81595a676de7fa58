import numpy as np

from varlayers.dispatch import kernels_for
from varlayers.priors import NormalPrior, Unused

LIKE = np.zeros(0)


def test_keeps_the_parameters_and_has_no_density():
    prior = NormalPrior(0.5, trainable=("loc",))
    unused = Unused(prior)
    assert unused.shapes == prior.shapes
    assert unused.init(kernels_for(LIKE), LIKE) == {"loc": np.array(0.5)}
    assert not hasattr(unused, "log_prob")
