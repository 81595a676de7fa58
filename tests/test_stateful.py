"""The shell does what the layer's functions do, and keeps its state to itself."""

import copy
import pickle
import re

import numpy as np
import pytest
from support.gradients import assert_directional

import varlayers as vl
from varlayers.random import fold_in, split
from varlayers.tree import items, leaves, map_leaves

LAYER = vl.Sequential(
    [
        vl.Dense(3, 4, estimator="local", bias="normal", bias_prior="normal"),
        vl.Activation("silu"),
        vl.Residual(vl.Dense(4, 4)),
        vl.LayerNorm(4),
        vl.Dense(4, 2, posterior="point", prior=None),
    ]
)
SMOOTH = vl.Sequential(LAYER.layers[:3])  # close to its Taylor series
X = np.random.default_rng(0).normal(size=(5, 3))


def make(layer=LAYER, key=0):
    return vl.Stateful(layer, key, like=X)


def assert_equal_trees(actual, desired):
    map_leaves(np.testing.assert_array_equal, actual, desired)


# ---- forward and backward -----------------------------------------------------------


def test_parameters_are_those_of_init():
    assert_equal_trees(make(key=3).params, LAYER.init(vl.key(3), X))
    assert_equal_trees(make(key=vl.key(3)).params, LAYER.init(vl.key(3), X))
    assert vl.Stateful(LAYER).params["0"]["bias"]["loc"].dtype == np.float32


def test_every_call_draws_new_noise():
    model = make()
    outputs = [model(X) for _ in range(4)]
    for one in range(4):
        for other in range(one):
            assert np.all(outputs[one] != outputs[other])


def test_the_noise_is_that_of_the_documented_key():
    model, params = make(key=5), LAYER.init(vl.key(5), X)
    for call in range(3):
        key = fold_in(split(vl.key(5), 1)[0], call)
        desired, _ = LAYER.forward(params, X, LAYER.draw(key, X.shape, X))
        np.testing.assert_array_equal(model(X), desired)


def test_next_key_is_that_of_the_next_call():
    model = make(key=5)
    for _ in range(2):
        key = model.next_key
        np.testing.assert_array_equal(model(X), model(X, key))


def test_the_same_seed_gives_the_same_calls():
    one, other = make(key=1), make(key=1)
    for _ in range(3):
        np.testing.assert_array_equal(one(X), other(X))
    assert np.all(make(key=2)(X) != make(key=1)(X))


def test_the_same_calls_on_every_library(library):
    x = library.asarray(X)
    model, other = vl.Stateful(vl.Dropout()), vl.Stateful(vl.Dropout())
    for _ in range(2):
        np.testing.assert_array_equal(library.to_numpy(other(x)), model(X))


def test_a_key_gives_the_noise_and_counts_no_call():
    model, plain = make(), make()
    first = model(X, vl.key(9))
    np.testing.assert_array_equal(model(X, vl.key(9)), first)
    np.testing.assert_array_equal(model(X), plain(X))


def test_the_mean_is_that_of_the_layer_and_counts_no_call():
    model, plain = make(), make()
    desired, _ = LAYER.at_mean().forward(model.params, X, {})
    np.testing.assert_array_equal(model(X, mean=True), desired)
    np.testing.assert_array_equal(model(X), plain(X))


def test_dropout_is_off_at_the_mean():
    model = vl.Stateful(vl.Dropout(0.5))
    np.testing.assert_array_equal(model(X, mean=True), X)
    assert np.any(model(X) == 0)


def test_gradients_are_those_of_the_output():
    model, dy = make(SMOOTH), np.random.default_rng(1).normal(size=(5, 4))
    _, backward = model.forward(X, vl.key(1))
    dx, grads = backward(dy)

    def value(point):
        other = vl.Stateful(SMOOTH, params=point["params"])
        return np.sum(other(point["x"], vl.key(1)) * dy)

    point = {"x": X, "params": model.params}
    assert_directional(value, point, {"x": dx, "params": grads})


def test_kl_weight_adds_the_gradient_of_the_divergence():
    model, dy = make(SMOOTH), np.random.default_rng(1).normal(size=(5, 4))
    _, backward = model.forward(X, vl.key(1))
    dx, grads = backward(dy, kl_weight=0.3)

    def value(point):
        other = vl.Stateful(SMOOTH, params=point["params"])
        return np.sum(other(point["x"], vl.key(1)) * dy) + 0.3 * other.kl()

    point = {"x": X, "params": model.params}
    assert_directional(value, point, {"x": dx, "params": grads})


def test_each_backward_belongs_to_its_call():
    model, dy = make(), np.ones((5, 2))
    alone = [make().forward(x, vl.key(i))[1](dy) for i, x in enumerate((X, 2 * X))]
    backwards = [model.forward(x, vl.key(i))[1] for i, x in enumerate((X, 2 * X))]
    for backward, (dx, grads) in reversed(list(zip(backwards, alone, strict=True))):
        for _ in range(2):
            again, same = backward(dy, kl_weight=0.0)
            np.testing.assert_array_equal(again, dx)
            assert_equal_trees(same, grads)


def test_gradients_may_be_changed_without_changing_the_next_ones():
    _, backward = make().forward(X)
    _, grads = backward(np.ones((5, 2)), kl_weight=0.1)
    before = map_leaves(np.copy, grads)
    for leaf in leaves(grads):
        leaf[...] = 7.0
    assert_equal_trees(backward(np.ones((5, 2)), kl_weight=0.1)[1], before)


def test_the_input_gradient_is_left_out_on_request():
    _, backward = make().forward(X)
    dx, grads = backward(np.ones((5, 2)), input_gradient=False)
    assert dx is None
    assert grads.keys() == make().params.keys()


def test_a_list_is_no_input():
    for call in (make(), make().forward, lambda x: make()(x, mean=True)):
        with pytest.raises(TypeError, match=r"Expected an array of .*, got list\."):
            call([[1.0, 2.0, 3.0]])


@pytest.mark.parametrize("key", ["seed", None, 1.5])
def test_a_key_is_a_seed_or_a_key(key):
    with pytest.raises(TypeError, match="key expected an integer `seed`, got"):
        vl.Stateful(LAYER, key)


def test_a_key_of_wrong_kind_is_refused():
    with pytest.raises(TypeError, match="Expected a random key, got tuple"):
        vl.Stateful(LAYER, (1, 2))


def test_a_generator_may_stand_for_the_key():
    native = vl.native(np.random.default_rng(0))
    model = vl.Stateful(vl.Dropout(), native)
    assert np.any(model(X) != model(X))


# ---- parameters ---------------------------------------------------------------------


def test_parameters_are_named_and_in_order():
    model = make()
    assert list(model.parameters)[:3] == ["0.kernel.loc", "0.kernel.rho", "0.bias.loc"]
    assert model.parameters == dict(items(model.params))
    for one, other in zip(
        model.trainable_variables, model.parameters.values(), strict=True
    ):
        assert one is other


def test_parameters_may_be_assigned():
    model, other = make(), make(key=1)
    model.params = other.params
    assert_equal_trees(model.params, other.params)
    np.testing.assert_array_equal(model(X, mean=True), other(X, mean=True))


def test_assigned_parameters_are_a_dict_of_their_own():
    model, params = make(), make(key=1).params
    model.params = params
    kept = params.pop("0")
    assert_equal_trees(model.params["0"], kept)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda params: params.pop("4"), "got [] beside them and ['4.bias.loc', '4"),
        (lambda params: params.update(new=X), "got ['new'] beside them and [] missing"),
        (
            lambda params: params["4"].update(kernel={"loc": X}),
            "expected parameter `4.kernel.loc` of shape (4, 2), got (5, 3).",
        ),
    ],
)
def test_wrong_parameters_are_refused(change, message):
    model, params = make(), map_leaves(np.copy, make().params)
    before = model.params
    change(params)
    with pytest.raises(ValueError, match=f"^Stateful .*{re.escape(message)}"):
        model.params = params
    with pytest.raises(ValueError, match=f"^Stateful .*{re.escape(message)}"):
        vl.Stateful(LAYER, params=params)
    assert model.params is before


def test_posterior(library):
    model = vl.Stateful(LAYER, params=library.tree(make().params))
    posterior = model.posterior
    assert list(posterior) == ["0", "2", "4"]
    params = map_leaves(library.to_numpy, model.params)
    shift = vl.MeanFieldNormal().shift
    for path in (("0", "kernel"), ("0", "bias"), ("2", "inner", "kernel")):
        found, given = posterior, params
        for name in path:
            found, given = found[name], given[name]
        scale = np.logaddexp(given["rho"], 0.0) + shift
        np.testing.assert_array_equal(library.to_numpy(found["loc"]), given["loc"])
        np.testing.assert_allclose(library.to_numpy(found["scale"]), scale, rtol=1e-14)
    point = posterior["4"]["kernel"]
    np.testing.assert_array_equal(library.to_numpy(point["scale"]), np.zeros((4, 2)))


def test_divergences():
    model = make()
    assert model.kl_parts == LAYER.kl(model.params)
    assert model.losses == leaves(model.kl_parts)
    assert len(model.losses) == 3
    assert model.kl() == pytest.approx(sum(float(kl) for kl in model.losses))
    assert vl.Stateful(vl.Flatten()).kl() == 0.0


def test_summary_knows_the_shape_of_the_latest_call():
    model = make()
    assert model.summary() == vl.summarize(LAYER, model.params)
    model(X[:2])
    assert model.summary() == vl.summarize(LAYER, model.params, (2, 3))
    model(X, mean=True)
    assert model.summary() == vl.summarize(LAYER, model.params, (5, 3))
    assert model.summary((7, 3)) == vl.summarize(LAYER, model.params, (7, 3))


def test_repr():
    model = vl.Stateful(vl.Dense(3, 2, estimator="local"))
    assert repr(model) == "Stateful(Dense(3, 2, estimator='local'): 14 parameters)"


# ---- moving, saving, loading --------------------------------------------------------


def test_to_another_library(library):
    model = make()
    model(X)
    x = library.asarray(X, "float32")
    moved = model.to(x)
    for leaf in moved.trainable_variables:
        assert (type(leaf), leaf.dtype, leaf.device) == (type(x), x.dtype, x.device)
    assert moved.layer == model.layer
    back = moved.to(np.zeros(0))
    for one, other in zip(
        back.trainable_variables, model.trainable_variables, strict=True
    ):
        np.testing.assert_array_equal(one, other.astype("float32"))


def test_a_moved_model_shares_nothing():
    model = make()
    moved = model.to(X)
    before = map_leaves(np.copy, model.params)
    for leaf in moved.trainable_variables:
        leaf[...] = 7.0
    assert_equal_trees(model.params, before)
    moved(X)
    np.testing.assert_array_equal(model(X), make()(X))


def pickled(model):
    return pickle.loads(pickle.dumps(model))


@pytest.mark.parametrize("clone", [copy.deepcopy, pickled])
def test_copies_go_on_with_the_same_noise(clone):
    model = make()
    model(X)
    other = clone(model)
    np.testing.assert_array_equal(other(X), model(X))


@pytest.fixture
def path(tmp_path):
    pytest.importorskip("safetensors")
    return tmp_path / "model.safetensors"


def test_a_model_from_a_file_goes_on_where_it_stood(path):
    model = make(key=3)
    model(X)
    model.save(path)
    other = vl.Stateful.from_file(path)
    assert other.layer == LAYER
    assert_equal_trees(other.params, model.params)
    for _ in range(2):
        np.testing.assert_array_equal(other(X), model(X))


def test_from_file_into_another_library(path, library):
    make().save(path)
    x = library.asarray(X, "float32")
    other = vl.Stateful.from_file(path, like=x)
    for leaf in other.trainable_variables:
        assert (type(leaf), leaf.dtype, leaf.device) == (type(x), x.dtype, x.device)


def test_load_takes_parameters_and_noise_and_keeps_the_library(path, library):
    saved = make(key=3)
    saved(X)
    saved.save(path)
    params = library.tree(make().params, "float32")
    model = vl.Stateful(LAYER, params=params)
    kind = type(model.trainable_variables[0])
    model.load(path)
    for leaf, desired in zip(
        model.trainable_variables, saved.trainable_variables, strict=True
    ):
        assert type(leaf) is kind
        np.testing.assert_array_equal(library.to_numpy(leaf), desired.astype("float32"))
    assert model.to(np.zeros(0))(X) == pytest.approx(saved(X), rel=0, abs=1e-5)


def test_the_plain_functions_read_and_write_the_same_files(path):
    model = make()
    model.save(path)
    layer, params = vl.load(path)
    assert layer == LAYER
    assert_equal_trees(params, model.params)
    other = make(key=1)
    vl.save(path, LAYER, other.params)
    model.load(path)
    np.testing.assert_array_equal(model(X, mean=True), other(X, mean=True))
    np.testing.assert_array_equal(
        vl.Stateful.from_file(path)(X), vl.Stateful(LAYER, params=other.params)(X)
    )


def test_a_file_without_noise_leaves_the_noise_alone(path):
    model = make(key=4)
    model(X)
    vl.save(path, LAYER, model.params)
    desired = copy.deepcopy(model)(X)
    model.load(path)
    np.testing.assert_array_equal(model(X), desired)


def test_a_generator_is_not_saved(path):
    vl.Stateful(vl.Dropout(), vl.native(np.random.default_rng(0))).save(path)
    assert list(vl.load_state(path)) == ["model", "params"]


def damage(path):
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


WRONG = [
    (damage, "checksum differs"),
    (lambda path: path.write_bytes(b""), "damaged or no safetensors file"),
    (lambda path: make(vl.Dense(3, 2)).save(path), "with model.class = "),
    (
        lambda path: vl.save_state(path, {"model": LAYER, "params": {}}),
        "expected the parameters of the model",
    ),
    (lambda path: vl.save_state(path, {"step": 3}), "with 'model' and 'params'"),
]


@pytest.mark.parametrize(("spoil", "message"), WRONG)
def test_a_refused_file_leaves_the_model_as_it_was(path, spoil, message):
    make(key=1).save(path)
    spoil(path)
    model = make()
    before, desired = map_leaves(np.copy, model.params), make()(X)
    with pytest.raises(ValueError, match=re.escape(message)):
        model.load(path)
    assert_equal_trees(model.params, before)
    np.testing.assert_array_equal(model(X), desired)


def test_a_missing_file(path):
    with pytest.raises(FileNotFoundError, match="to be a file, got"):
        make().load(path)
    with pytest.raises(FileNotFoundError, match="to be a file, got"):
        vl.Stateful.from_file(path)
