import numpy as np
import pytest
from support.gradients import assert_equal_trees

from varlayers.layers import Activation, Dense, Dropout, Residual
from varlayers.random import fold_in, key

X = np.random.default_rng(0).normal(size=(5, 3))


def test_adds_the_input():
    block = Residual(Activation("tanh"))
    np.testing.assert_array_equal(block.forward({}, X, {})[0], X + np.tanh(X))


def test_adds_the_shortcut():
    point = {"posterior": "point", "bias": None}
    block = Residual(Dense(3, 2, **point), Dense(3, 2, **point))
    params = block.init(key(0), X)
    inner, shortcut = (params[name]["kernel"]["loc"] for name in ("inner", "shortcut"))
    y, _ = block.forward(params, X, {})
    np.testing.assert_allclose(y, X @ inner + X @ shortcut, rtol=1e-13)
    assert not np.any(inner == shortcut)
    assert_equal_trees(
        params["shortcut"], Dense(3, 2, **point).init(fold_in(key(0), 1), X), 0
    )


def test_inner_and_shortcut_draw_from_keys_of_their_own():
    block = Residual(Dense(3, 3), Dense(3, 3))
    noise = block.draw(key(0), X.shape, X)
    assert not np.any(noise["inner"]["kernel"] == noise["shortcut"]["kernel"])


def test_parts_without_noise_or_parameters_have_no_name():
    block = Residual(Dropout(0.5), Dense(3, 3, posterior="point", prior=None))
    assert list(block.init(key(0), X)) == ["shortcut"]
    assert list(block.draw(key(0), X.shape, X)) == ["inner"]
    assert block.kl(block.init(key(0), X)) == {}
    assert list(block.weights(block.init(key(0), X))) == ["shortcut"]


def test_children_have_its_input():
    inner, shortcut = Dense(3, 2), Dense(3, 2)
    assert Residual(inner).children((5, 3)) == {"inner": (inner, (5, 3))}
    assert Residual(inner, shortcut).children()["shortcut"] == (shortcut, None)


def test_refuses_surplus_names():
    block = Residual(Dense(3, 3))
    params, noise = block.init(key(0), X), block.draw(key(0), X.shape, X)
    message = r"^Residual expected {} of layers \['inner'\], got \['shortcut'\] beside"
    with pytest.raises(ValueError, match=message.format("parameters")):
        block.forward({**params, "shortcut": {}}, X, noise)
    with pytest.raises(ValueError, match=message.format("noise")):
        block.forward(params, X, {**noise, "shortcut": {}})


@pytest.mark.parametrize("shortcut", [None, Dense(3, 4)])
def test_refuses_parts_that_differ_in_shape(shortcut):
    wanted = (5, 3) if shortcut is None else (5, 4)
    message = (
        rf"Residual expected `inner` to return shape \({wanted[0]}, {wanted[1]}\), as "
        r"its shortcut, got \(5, 2\)\. Give a shortcut layer that returns it\."
    )
    block = Residual(Dense(3, 2), shortcut)
    with pytest.raises(ValueError, match=message):
        block.out_shape((5, 3))
    with pytest.raises(ValueError, match=message):
        block.forward(block.init(key(0), X), X, block.draw(key(0), X.shape, X))
