"""A model comes back equal, with the same numbers, on every library; or not at all."""

import re

import numpy as np
import pytest
from support.libraries import make_library

import varlayers as vl
from varlayers.serialization import check_params, model_of
from varlayers.tree import items, map_leaves, unflatten

pytest.importorskip("safetensors")

PRIOR = vl.NormalPrior(scale=np.array([0.5, 1.0]))
LEARNED = vl.ScaleMixturePrior(scale=np.array([0.5, 1.0]), trainable=("scale",))
LAYERS = [
    vl.Dense(3, 2, estimator="local", bias="normal", bias_prior="normal"),
    vl.Dense(3, 2, prior=PRIOR, bias=None),
    vl.Dense(3, 2, prior=LEARNED, divergence=vl.MonteCarlo(3)),
    vl.Sequential([vl.Flatten(), vl.Activation("relu"), vl.Dropout(0.2)]),
    vl.Sequential(
        [
            vl.Dense(3, 4),
            vl.Residual(vl.Sequential([vl.LayerNorm(4), vl.Dense(4, 4)])),
            vl.Dense(4, 2, posterior="point"),
        ]
    ),
]
X = np.random.default_rng(0).normal(size=(5, 3))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def assert_equal_trees(actual, desired):
    actual, desired = dict(items(actual)), dict(items(desired))
    assert list(actual) == list(desired)
    for name, leaf in desired.items():
        assert actual[name].dtype == leaf.dtype
        np.testing.assert_array_equal(actual[name], leaf, err_msg=name)


def numpy_params(layer, dtype="float64"):
    return layer.init(vl.key(0), np.zeros(0, dtype))


@pytest.mark.parametrize("layer", LAYERS, ids=range(len(LAYERS)))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_round_trip_on_every_library(path, library, layer, dtype):
    params = library.tree(numpy_params(layer), dtype)
    vl.save(path, layer, params)
    like = library.asarray([0.0], dtype)
    found, loaded = vl.load(path, like=like)
    assert found == layer
    for name, leaf in items(loaded):
        assert (type(leaf), leaf.dtype) == (type(like), like.dtype), name
        assert leaf.device == like.device
    assert_equal_trees(
        map_leaves(library.to_numpy, loaded), map_leaves(library.to_numpy, params)
    )


@pytest.mark.parametrize("layer", LAYERS, ids=range(len(LAYERS)))
def test_a_loaded_model_computes_the_same(path, layer):
    params = numpy_params(layer)
    vl.save(path, layer, params)
    found, loaded = vl.load(path)
    noise = layer.draw(vl.key(1), X.shape, X)
    assert_equal_trees(noise, found.draw(vl.key(1), X.shape, X))
    before, _ = layer.forward(params, X, noise)
    after, _ = found.forward(loaded, X, noise)
    np.testing.assert_array_equal(after, before)
    assert found.kl(loaded) == layer.kl(params)


@pytest.mark.parametrize("given", ["float32", "float64"])
@pytest.mark.parametrize("wanted", ["float32", "float64"])
def test_loading_into_another_library_and_dtype(path, library, given, wanted):
    layer = LAYERS[-1]
    params = numpy_params(layer, given)
    vl.save(path, layer, params)
    _, loaded = vl.load(path, like=library.asarray([0.0], wanted))
    assert_equal_trees(
        map_leaves(library.to_numpy, loaded),
        map_leaves(lambda leaf: leaf.astype(wanted), params),
    )


def test_without_like_parameters_come_as_they_were(path):
    params = library_params = numpy_params(LAYERS[0], "float32")
    library = make_library("strict")
    library_params = library.tree(params, "float32")
    vl.save(path, LAYERS[0], library_params)
    _, loaded = vl.load(path)
    assert type(loaded["kernel"]["loc"]) is np.ndarray
    assert_equal_trees(loaded, params)


def test_float64_parameters_survive_a_narrow_file(path):
    params = map_leaves(lambda leaf: leaf.astype("float16"), numpy_params(LAYERS[0]))
    vl.save(path, LAYERS[0], params)
    assert_equal_trees(vl.load(path)[1], params)
    like = np.zeros(0)
    assert_equal_trees(
        vl.load(path, like=like)[1],
        map_leaves(lambda leaf: leaf.astype("float64"), params),
    )


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.0, 1e-310])
def test_any_value_is_kept(path, value):
    params = map_leaves(lambda leaf: np.full_like(leaf, value), numpy_params(LAYERS[0]))
    vl.save(path, LAYERS[0], params)
    assert_equal_trees(vl.load(path)[1], params)
    assert np.signbit(vl.load(path)[1]["kernel"]["loc"]).all() == np.signbit(value)


def test_the_same_model_gives_the_same_bytes(path):
    vl.save(path, LAYERS[-1], numpy_params(LAYERS[-1]))
    first = path.read_bytes()
    vl.save(path, LAYERS[-1], numpy_params(LAYERS[-1]))
    assert path.read_bytes() == first


def test_loading_and_saving_again_gives_the_same_bytes(path):
    vl.save(path, LAYERS[-1], numpy_params(LAYERS[-1]))
    first = path.read_bytes()
    vl.save(path, *vl.load(path))
    assert path.read_bytes() == first


def test_an_objective_is_saved_with_its_likelihood(path):
    elbo = vl.ELBO(LAYERS[0], vl.NormalLearnedScale(), num_data=10, beta=0.5)
    params = elbo.init(vl.key(0), X)
    vl.save(path, elbo, params)
    found, loaded = vl.load(path)
    assert found == elbo
    assert_equal_trees(loaded, params)


# ---- a training state ---------------------------------------------------------------


def test_a_state_is_nested_dicts_of_anything(path, library):
    arrays = library.tree({"kernel": {"loc": [1.0, 2.0]}}, "float32")
    state = {
        "params": arrays,
        "optimizer": {"step": 3, "m": arrays, "v": arrays},
        "history": {"nll": [0.5, float("inf")], "epochs": 2},
        "key": vl.key(7),
        "optimizer config": vl.Adam(vl.schedules.Cosine(0.1, 100)),
        "note": None,
    }
    vl.save_state(path, state)
    again = vl.load_state(path, like=arrays["kernel"]["loc"])
    assert list(again) == list(state)
    for name in ("params", "optimizer"):
        plain = unflatten(dict(items(again[name])))
        for (place, one), (_, other) in zip(
            items(plain), items(state[name]), strict=True
        ):
            assert type(one) is type(other), place
            if not isinstance(other, int):
                np.testing.assert_array_equal(
                    library.to_numpy(one), library.to_numpy(other)
                )
    for name in ("history", "key", "optimizer config", "note"):
        assert again[name] == state[name]
    assert again["optimizer"]["step"] == 3


def test_integer_arrays_keep_their_dtype(path):
    state = {"step": np.array(3, np.int32), "m": np.ones(2, np.float32)}
    vl.save_state(path, state)
    again = vl.load_state(path, like=np.zeros(0))
    assert (again["step"].dtype, again["step"].shape) == (np.int32, ())
    assert again["m"].dtype == np.float64


def train(state, epochs):
    x = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    elbo = vl.ELBO(LAYERS[0], vl.Normal(), num_data=20)
    arguments = {"key": vl.key(1), "batch_size": 8, "progress": False}
    return elbo, vl.fit(elbo, x, x[:, :2], epochs=epochs, state=state, **arguments)


def test_training_goes_on_from_a_file_to_the_same_numbers(path):
    _, straight = train(None, 4)
    elbo, half = train(None, 2)
    vl.save_state(path, {"model": elbo, **half})
    state = vl.load_state(path)
    assert state["model"] == elbo
    _, resumed = train(state, 4)
    assert resumed["history"] == straight["history"]
    assert_equal_trees(resumed["params"], straight["params"])
    found, params = vl.load(path)
    assert found == elbo
    assert_equal_trees(params, half["params"])


@pytest.mark.parametrize("state", [[1], 3, np.ones(2)])
def test_a_state_is_a_dict(path, state):
    with pytest.raises(TypeError, match="save_state expected a dict `state`, got "):
        vl.save_state(path, state)
    assert not path.exists()


# ---- refusals -----------------------------------------------------------------------


def changed(layer, change):
    named = dict(items(numpy_params(layer)))
    change(named)
    return unflatten(named)


WRONG = [
    (
        lambda named: named.pop("bias.rho"),
        "got [] beside them and ['bias.rho'] missing.",
    ),
    (
        lambda named: named.update({"extra": np.ones(2)}),
        "got ['extra'] beside them and [] missing.",
    ),
    (
        lambda named: named.update({"kernel.rho": np.ones((2, 3))}),
        "expected parameter `kernel.rho` of shape (3, 2), got (2, 3).",
    ),
    (
        lambda named: named.update({"bias.loc": 0.5}),
        "expected parameter `bias.loc` of shape (2,), got ().",
    ),
]


@pytest.mark.parametrize(("change", "message"), WRONG)
def test_wrong_parameters_are_not_saved(path, change, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        vl.save(path, LAYERS[0], changed(LAYERS[0], change))
    assert not path.exists()


@pytest.mark.parametrize(("change", "message"), WRONG)
def test_wrong_parameters_are_not_loaded(path, change, message):
    vl.save_state(path, {"model": LAYERS[0], "params": changed(LAYERS[0], change)})
    with pytest.raises(ValueError, match=f"load .*{re.escape(message)}"):
        vl.load(path)


@pytest.mark.parametrize(
    "state", [{}, {"params": {}}, {"model": vl.Flatten()}, {"model": 1, "params": {}}]
)
def test_a_state_without_a_model_is_refused(path, state):
    vl.save_state(path, state)
    message = f"with 'model' and 'params', got {sorted(state)}. Read it with"
    with pytest.raises(ValueError, match=re.escape(message)):
        vl.load(path)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (vl.Dense(4, 2), "with model.in_features = 4, got 3."),
        (vl.Dense(3, 2, bias=None), "with model.bias = None, got 'nothing'."),
        (vl.Dense(3, 2, prior=None), "with model.prior = None, got 'nothing'."),
        (
            vl.Dense(3, 2, estimator="local"),
            "with model.estimator.class = 'estimators.LocalReparameterization', "
            "got 'estimators.Flipout'.",
        ),
        (vl.Flatten(), "with model.class = 'layers.Flatten', got 'layers.Dense'."),
    ],
)
def test_another_model_is_refused(path, other, message):
    layer = vl.Dense(3, 2)
    vl.save(path, layer, numpy_params(layer))
    assert vl.load(path, model=vl.Dense(3, 2))[0] == layer
    with pytest.raises(ValueError, match=re.escape(message)):
        vl.load(path, model=other)


def test_the_place_of_the_difference_is_named(path):
    vl.save(path, LAYERS[-1], numpy_params(LAYERS[-1]))
    other = vl.Sequential([*LAYERS[-1].layers[:2], vl.Dense(4, 2)])
    message = "with model.layers.2.posterior.class = 'posteriors.MeanFieldNormal', got"
    with pytest.raises(ValueError, match=re.escape(message)):
        vl.load(path, model=other)


def test_other_arrays_in_a_prior_are_another_model(path):
    vl.save(path, LAYERS[1], numpy_params(LAYERS[1]))
    prior = vl.NormalPrior(scale=np.array([0.5, 2.0]))
    with pytest.raises(ValueError, match="given, got other arrays in its description"):
        vl.load(path, model=vl.Dense(3, 2, prior=prior, bias=None))


def test_unregistered_classes_are_not_saved(path):
    class Mine(vl.Dense):
        pass

    layer = Mine(3, 2)
    with pytest.raises(TypeError, match=r"got Mine in `model`\. Register its"):
        vl.save(path, layer, numpy_params(layer))
    assert not path.exists()


def test_model_of_takes_any_state():
    params = numpy_params(LAYERS[0])
    state = {"params": params, "step": 3, "model": LAYERS[0]}
    assert model_of(state) == (LAYERS[0], params)


def test_check_params_names_its_owner():
    with pytest.raises(ValueError, match=r"^Someone expected the parameters of the"):
        check_params("Someone", {}, {"w": np.ones(2)})
