"""What does not fit is refused, in the layer's name."""

import numpy as np
import pytest

from varlayers.compat.bnn import HiddenLayer
from varlayers.compat.bnn_arguments import normal_prior

X, MEAN, SCALE = np.zeros((5, 3)), np.zeros((3, 4)), np.ones((3, 4))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            {"A_scale": SCALE[:1]},
            ValueError,
            r"one shape.*`A_scale` of shape \(1, 4\)",
        ),
        ({"A_mean": MEAN[0]}, ValueError, r"one shape .*`A_mean` of shape \(4,\)"),
        ({"X": X[:, :2]}, ValueError, r"`X` of shape \(\.\.\., 3\).*got \(5, 2\)"),
        ({"X": X.astype(int)}, TypeError, "HiddenLayer expected `x` of a floating"),
        ({"A_prior_scale": 0.0}, ValueError, "`A_prior_scale` > 0, got 0.0"),
        ({"A_prior_scale": np.ones(3)}, ValueError, r"broadcasts to \(3, 4\), got"),
    ],
)
def test_what_does_not_fit_is_refused(change, error, message):
    with pytest.raises(error, match=message):
        HiddenLayer(**({"X": X, "A_mean": MEAN, "A_scale": SCALE} | change))


def test_array_as_a_prior_scale_is_learned_and_a_number_is_not():
    assert normal_prior(2.0, (3, 4)).shapes == {}
    for shape in ((), (4,), (3, 1), (3, 4)):
        prior = normal_prior(np.full(shape, 2.0), (3, 4))
        assert prior.shapes == {"log_scale": shape}
