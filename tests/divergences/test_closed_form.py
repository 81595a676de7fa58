import numpy as np
import pytest

from varlayers.dispatch import kernels_for
from varlayers.divergences import ClosedForm
from varlayers.posteriors import MeanFieldNormal, Point
from varlayers.priors import NormalPrior, StudentTPrior, Unused
from varlayers.types import Comparison


def test_says_what_it_needs():
    way = ClosedForm()
    assert way.needs(MeanFieldNormal(), NormalPrior()) is None
    assert way.needs(Point(), StudentTPrior()) is None
    assert way.needs(Point(), Unused(NormalPrior())) == "a prior with a density"
    pair = "a pair in varlayers.divergences.CLOSED_FORMS"
    assert way.needs(MeanFieldNormal(), StudentTPrior()) == pair


def test_refuses_a_pair_without_a_formula():
    pair = Comparison(MeanFieldNormal(), StudentTPrior(), (), {}, 1)
    message = (
        r"ClosedForm has no formula for MeanFieldNormal and StudentTPrior\. "
        r"Add one to CLOSED_FORMS\."
    )
    with pytest.raises(NotImplementedError, match=message):
        ClosedForm()(kernels_for(np.zeros(0)), pair, 1.0, {})
