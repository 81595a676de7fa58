"""What cannot be trained on is refused before the first step."""

import numpy as np
import pytest

import varlayers as vl
from varlayers.training.arguments import check_arguments, check_state

X, Y = np.ones((6, 2)), np.ones((6, 1))
ELBO = vl.ELBO(vl.Dense(2, 1), vl.Normal(), num_data=6)
STATE = {"params": {}, "optimizer": {}, "step": 6, "history": {}}


def check(x=X, targets=Y, elbo=ELBO, key=None, validation=None, early_stopping=None):
    key = vl.key(0) if key is None else key
    check_arguments(elbo, x, targets, key, validation, early_stopping)


def test_what_fits_passes(library):
    x, y = library.asarray(X), library.asarray(Y)
    check(x, y)
    check(x, y, validation=(x[:2, :], y[:2, :]), early_stopping=vl.EarlyStopping())
    check(x, library.asarray([0, 1, 2, 0, 1, 2], "int64"))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"key": 3}, TypeError, r"^fit expected a random key, got int\. Make one"),
        ({"x": X[:5]}, ValueError, r"`x` and `targets` .* \(5, 2\) and \(6, 1\)\."),
        ({"x": X[:0], "targets": Y[:0]}, ValueError, r">= 1, got shapes \(0, 2\)"),
        ({"x": np.array(1.0)}, ValueError, r"got shapes \(\) and \(6, 1\)"),
        ({"x": X.tolist()}, TypeError, "Expected an array of .* got list"),
        ({"targets": Y.tolist()}, TypeError, "Expected an array of .* got list"),
        ({"x": X > 0}, TypeError, r"`x` of a floating dtype, got bool\. Convert it"),
        ({"x": X * np.inf}, ValueError, r"finite `x`, got NaN or infinity\. Imp"),
        ({"elbo": vl.ELBO(vl.Dense(2, 1), vl.Normal(), 7)}, ValueError, "6, got 7"),
        ({"validation": X}, TypeError, r"a pair \(x, targets\), got ndarray\."),
        ({"validation": (X, Y[:2])}, ValueError, r"`validation\[0\]` and `valid.*\[1"),
        ({"validation": (X * np.nan, Y)}, ValueError, r"finite `validation\[0\]`"),
        ({"early_stopping": vl.EarlyStopping()}, ValueError, "`validation` data for"),
    ],
)
def test_what_does_not_fit_is_refused(change, error, message):
    with pytest.raises(error, match=message):
        check(**change)


def test_a_state_at_the_end_of_an_epoch_passes():
    check_state(STATE | {"best": {}}, 3)


def test_a_state_within_an_epoch_is_refused():
    message = r"^fit expected `state` at the end of an epoch of 4 steps, got step 6\. "
    with pytest.raises(ValueError, match=message + "Resume with the same data and"):
        check_state(STATE, 4)


def test_another_dict_is_refused():
    message = (
        r"call returned it, got \['params', 'x'\] without \['history', 'optimizer'"
    )
    with pytest.raises(ValueError, match=message):
        check_state({"params": {}, "x": {}}, 4)
