import numpy as np
import pytest

from varlayers.layers import Activation, Dense, Residual, Sequential
from varlayers.layers.place import within
from varlayers.random import key

X = np.ones((2, 3))
DEEP = Sequential(
    [Activation("relu"), Residual(Sequential([Activation("tanh"), Dense(4, 3)]))]
)
MESSAGE = (
    r"^Layer '1\.inner\.1': Dense expected `x` of shape \(\.\.\., 4\), got \(2, 3\)\.$"
)


def fail(error):
    raise error


@pytest.mark.parametrize("kind", [TypeError, ValueError])
def test_puts_the_place_before_the_message(kind):
    with pytest.raises(kind, match=r"^Layer '2\.body': Dense is sad\.$"):
        within("2", within, "body", fail, kind("Dense is sad."))


def test_leaves_other_errors_alone():
    odd = UnicodeDecodeError("utf-8", b"?", 0, 1, "odd")
    for error in (odd, KeyError("odd")):
        before = error.args
        with pytest.raises(type(error), match="odd"):
            within("2", fail, error)
        assert error.args == before


def test_returns_what_the_method_returns():
    assert within("2", divmod, 7, 3) == (2, 1)


def test_names_the_place_of_a_shape_that_does_not_fit():
    params = DEEP.init(key(0), X)
    for call in (
        lambda: DEEP.out_shape(X.shape),
        lambda: DEEP.draw(key(1), X.shape, X),
        lambda: DEEP.forward(params, X, {}),
        lambda: Sequential([DEEP, Dense(3, 1)]).children(X.shape),
    ):
        with pytest.raises(ValueError, match=MESSAGE.replace("'1", r"'(0\.)?1")):
            call()


@pytest.mark.parametrize("method", ["forward", "kl", "weights"])
@pytest.mark.parametrize("model", [Sequential([Dense(3, 3)]), Residual(Dense(3, 3))])
def test_names_the_place_of_parameters_that_do_not_fit(model, method):
    (name,) = model.children()
    rest = (X, {}) if method == "forward" else ()
    message = rf"^Layer '{name}': Dense expected parameters \['bias', 'kernel'\], got"
    with pytest.raises(ValueError, match=message):
        getattr(model, method)({}, *rest)
