import numpy as np
import pytest

from varlayers.divergences import ClosedForm, MonteCarlo, Quadrature
from varlayers.layers import Dense
from varlayers.posteriors import MeanFieldNormal, Point, Radial


def test_says_which_divergences_are_in_use():
    layer = Dense(3, 2, bias_prior="student t", bias="normal")
    assert layer.divergences == {"kernel": ClosedForm(), "bias": Quadrature()}
    chosen = Dense(3, 2, bias_prior="laplace", bias="normal", divergence="monte carlo")
    assert chosen.divergences == dict.fromkeys(("kernel", "bias"), MonteCarlo())
    assert Dense(3, 2, prior=None).divergences == {}


@pytest.mark.parametrize("weight", [-1.0, np.nan])
def test_refuses_a_negative_divergence_weight(weight):
    message = f"Dense expected `divergence_weight` >= 0, got {weight}"
    with pytest.raises(ValueError, match=message):
        Dense(3, 2, divergence_weight=weight)


def test_posteriors_are_those_of_the_weights():
    layer = Dense(3, 2, posterior="radial", bias="point", estimator="flipout")
    assert layer.posteriors == {"kernel": Radial(), "bias": Point()}
    assert Dense(3, 2, bias=None).posteriors == {"kernel": MeanFieldNormal()}
