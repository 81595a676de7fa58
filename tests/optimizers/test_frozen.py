import numpy as np
import pytest
from support.libraries import assert_same

import varlayers as vl
from varlayers.tree import map_leaves

ELBO = vl.ELBO(
    vl.Dense(3, 2, prior=vl.NormalPrior(trainable=("scale",))), vl.Normal(1.0), 5
)
PARAMS = ELBO.init(vl.key(0), np.zeros(0))
GRADS = map_leaves(np.ones_like, PARAMS)


def step(names, optimizer=None):
    frozen = vl.Frozen(optimizer or vl.Adam(0.1), names)
    params = map_leaves(np.copy, PARAMS)
    return frozen.update(GRADS, frozen.init(params), params)


@pytest.mark.parametrize(
    ("names", "still"),
    [
        (("*.rho",), {("kernel", "rho")}),
        (("*.loc",), {("kernel", "loc"), ("bias", "loc")}),
        (("*_prior.*",), {("kernel_prior", "log_scale")}),
        (("model.bias.*", "*.rho"), {("bias", "loc"), ("kernel", "rho")}),
    ],
)
def test_only_the_others_move(names, still):
    new, state = step(names)
    assert state["step"] == 1
    for weight, part in PARAMS["model"].items():
        for name, before in part.items():
            moved = np.any(new["model"][weight][name] != before)
            assert moved == ((weight, name) not in still)
    assert list(new["model"]) == list(PARAMS["model"])


def test_the_others_move_as_they_would_alone():
    new, _ = step(("*.rho",))
    free, optimizer = map_leaves(np.copy, PARAMS), vl.Adam(0.1)
    free, _ = optimizer.update(GRADS, optimizer.init(free), free)
    for weight in ("bias", "kernel"):
        actual, expected = (p["model"][weight]["loc"] for p in (new, free))
        np.testing.assert_array_equal(actual, expected)


def test_trains_on_every_library(library):
    frozen = vl.Frozen(vl.SGD(0.1), ["*.rho"])
    params = library.tree(map_leaves(np.copy, PARAMS))
    new, _ = frozen.update(library.tree(GRADS), frozen.init(params), params)
    assert_same(library, new, step(["*.rho"], vl.SGD(0.1))[0], 1e-12)


def test_comes_back_from_its_description():
    frozen = vl.Frozen(vl.Adam(), ["*.rho"])
    assert vl.rebuild(vl.describe(frozen)) == frozen


def test_refuses_one_string():
    message = r"Frozen expected a sequence of `names`, got '\*\.rho'\. Write \('\*"
    with pytest.raises(TypeError, match=message):
        vl.Frozen(vl.Adam(), "*.rho")


def test_refuses_a_name_of_nothing():
    message = r"Frozen expected `names` of parameters, got '\*\.scale', which matches"
    with pytest.raises(ValueError, match=message):
        step(["*.scale"])


def test_refuses_to_freeze_all():
    with pytest.raises(ValueError, match="Frozen expected to leave a parameter to le"):
        step(["*"])
