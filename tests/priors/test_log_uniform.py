import numpy as np
import pytest

from varlayers.dispatch import kernels_for
from varlayers.layers import Dense
from varlayers.priors import LogUniformPrior

LIKE = np.zeros(0)


def test_learns_nothing_and_has_no_density():
    prior = LogUniformPrior()
    assert prior.shapes == prior.init(kernels_for(LIKE), LIKE) == {}
    assert not hasattr(prior, "log_prob")


@pytest.mark.parametrize(
    "settings", [{"posterior": "point"}, {"divergence": "quadrature"}]
)
def test_is_refused_where_its_density_is_needed(settings):
    with pytest.raises(ValueError, match=r"needs a prior with a density"):
        Dense(3, 2, prior="log-uniform", **settings)
