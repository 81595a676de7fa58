"""Smaller arrays, the same outputs: where units can go and where they must stay."""

import numpy as np
import pytest
from support.libraries import assert_same

import varlayers as vl
from varlayers.activations import ACTIVATIONS
from varlayers.tree import items, map_leaves

POINTS = {"posterior": "point", "prior": None}


def dense(rows, columns, **options):
    return vl.Dense(rows, columns, **POINTS, **options)


def convolution(rows, columns, size=3, **options):
    return vl.Convolution(rows, columns, size, **POINTS, **options)


def drawn(layer, seed=0):
    rng = np.random.default_rng(seed)
    params = layer.init(vl.key(seed), np.zeros(0))
    return map_leaves(lambda a: rng.normal(size=a.shape), params)


def shrunk(layer, params):
    """Return the smaller layer; its outputs, and sizes, are those they should be."""
    return vl.prune(layer, params, threshold=0, to="deterministic", shrink=True)


def outputs(layer, params, x):
    return layer.at_mean().forward(params, x, {})[0]


def sizes(pruned):
    return [count.shape[-2:] for count in pruned.counts]


SEEDS = (0, 1)
CHAINS = {
    "dense": (
        [dense(6, 8), vl.Activation("relu"), dense(8, 7), vl.Dropout(0.3), dense(7, 3)],
        (5, 6),
    ),
    "dense over positions": (
        [dense(6, 8), vl.Activation("tanh"), vl.Flatten(), dense(24, 3)],
        (5, 3, 6),
    ),
    "images": (
        [
            convolution(2, 5, padding="same"),
            vl.Activation("elu"),
            vl.MaxPool(2),
            convolution(5, 4, 2, strides=2, bias=None, padding="same"),
            vl.UpSampling(2),
            vl.AveragePool(2, padding="same"),
            vl.Flatten(),
            dense(16, 3),
        ],
        (3, 8, 8, 2),
    ),
    "channels first": (
        [
            convolution(2, 5, data_format="channels_first"),
            vl.Activation("gelu"),
            convolution(5, 4, data_format="channels_first"),
            vl.GlobalMaxPool(data_format="channels_first"),
            dense(4, 3),
        ],
        (3, 2, 6, 6),
    ),
    "channels first, flat": (
        [
            convolution(2, 5, data_format="channels_first"),
            vl.Flatten(),
            dense(5 * 16, 3),
        ],
        (3, 2, 6, 6),
    ),
    "pooled over other axes": (
        [
            convolution(2, 4, padding="same"),
            vl.MaxPool(2, data_format="channels_first"),
            vl.Flatten(),
            dense(36, 3),
        ],
        (3, 6, 6, 2),
    ),
    "groups": (
        [
            convolution(2, 4),
            vl.Activation("relu"),
            convolution(4, 4, groups=2),
            vl.GlobalAveragePool(),
            dense(4, 3),
        ],
        (3, 6, 6, 2),
    ),
    "normalized between": (
        [dense(6, 8), vl.LayerNorm(8), vl.Activation("relu"), dense(8, 3)],
        (5, 6),
    ),
    "nested": (
        [
            vl.Sequential([dense(6, 8), vl.Activation("relu"), dense(8, 6)]),
            vl.Residual(vl.Sequential([dense(6, 8), dense(8, 6)])),
            dense(6, 3),
        ],
        (5, 6),
    ),
    "an activation that moves 0": (
        [dense(6, 8), vl.Activation("sigmoid"), dense(8, 3)],
        (5, 6),
    ),
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("fraction", [0.8, 0.95, 1.0])
@pytest.mark.parametrize("name", CHAINS)
def test_outputs_stay(name, fraction, seed):
    layers, x_shape = CHAINS[name]
    model = vl.Sequential(layers)
    params = drawn(model, seed)
    x = np.random.default_rng(seed).normal(size=x_shape)
    options = {"fraction": fraction, "to": "deterministic", "biases": seed == 1}
    full = vl.prune(model, params, **options)
    small = vl.prune(model, params, shrink=True, **options)
    actual = outputs(small.layer, small.params, x)
    np.testing.assert_allclose(
        actual, outputs(full.layer, full.params, x), rtol=1e-12, atol=1e-12
    )
    fresh = small.layer.init(vl.key(0), np.zeros(0))
    map_leaves(
        lambda a, b: np.testing.assert_equal(a.shape, b.shape), small.params, fresh
    )
    given = dict(items(small.params))
    for path, mask in items(small.mask):
        assert mask.shape == given[path].shape
        np.testing.assert_array_equal(mask, given[path] != 0)


@pytest.mark.parametrize("name", ["images", "nested"])
def test_outputs_stay_on_every_library(name, library):
    layers, x_shape = CHAINS[name]
    model = vl.Sequential(layers)
    params, x = drawn(model), np.random.default_rng(0).normal(size=x_shape)
    options = {"fraction": 0.9, "to": "deterministic", "shrink": True}
    desired = vl.prune(model, params, **options)
    actual = vl.prune(model, library.tree(params), **options)
    assert actual.layer == desired.layer
    assert actual.counts == desired.counts
    assert_same(library, actual.params, desired.params, 0)
    y = outputs(actual.layer, actual.params, library.asarray(x))
    assert_same(library, y, outputs(desired.layer, desired.params, x), 1e-13)


MODEL = vl.Sequential([dense(4, 5), vl.Activation("relu"), dense(5, 6), dense(6, 3)])


def with_zeros(model, *places):
    params = drawn(model)
    for index, name, entry in places:
        params[index][name]["loc"][entry] = 0
    return params


def test_what_nothing_reads_goes_whatever_its_bias():
    params = with_zeros(MODEL, ("2", "kernel", ([1, 3], slice(None))))
    assert sizes(shrunk(MODEL, params)) == [(4, 3), (3, 6), (6, 3)]


def test_what_nothing_enters_goes_without_a_bias_only():
    column = ("0", "kernel", (slice(None), 2))
    assert sizes(shrunk(MODEL, with_zeros(MODEL, column)))[0] == (4, 5)
    zeros = with_zeros(MODEL, column, ("0", "bias", 2))
    assert sizes(shrunk(MODEL, zeros)) == [(4, 4), (4, 6), (6, 3)]


@pytest.mark.parametrize("function", sorted(ACTIVATIONS))
def test_what_is_always_0_goes_if_the_activation_keeps_0(function):
    model = vl.Sequential([dense(4, 5), vl.Activation(function), dense(5, 3)])
    column = ("0", "kernel", (slice(None), 2))
    pruned = shrunk(model, with_zeros(model, column, ("0", "bias", 2)))
    stays = function in ("sigmoid", "softplus")
    assert sizes(pruned)[0] == (4, 5 if stays else 4)


def test_one_loss_leads_to_another():
    # units 0 and 1 of the last hidden layer are not read; all that unit 4 of the first
    # one feeds is these two
    params = with_zeros(
        MODEL,
        ("3", "kernel", ([0, 1], slice(None))),
        ("2", "kernel", (4, slice(2, None))),
    )
    assert sizes(shrunk(MODEL, params)) == [(4, 4), (4, 4), (4, 3)]
    # unit 2 of the first is always 0, and all that feeds unit 5 of the second
    params = with_zeros(
        MODEL,
        ("0", "kernel", (slice(None), 2)),
        ("0", "bias", 2),
        ("2", "kernel", ([0, 1, 3, 4], 5)),
        ("2", "bias", 5),
    )
    assert sizes(shrunk(MODEL, params)) == [(4, 4), (4, 5), (5, 3)]


def test_one_unit_remains():
    params = with_zeros(MODEL, ("3", "kernel", ...))
    pruned = shrunk(MODEL, params)
    assert sizes(pruned) == [(4, 1), (1, 1), (1, 3)]
    x = np.ones((2, 4))
    np.testing.assert_array_equal(
        outputs(pruned.layer, pruned.params, x),
        np.broadcast_to(params["3"]["bias"]["loc"], (2, 3)),
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("channels first, flat", [(2, 5), (80, 3)]),
        ("groups", [(2, 4), (2, 4), (4, 3)]),
        ("normalized between", [(6, 8), (8, 3)]),
    ],
)
def test_what_cannot_shrink_stays(name, expected):
    model = vl.Sequential(CHAINS[name][0])
    pruned = vl.prune(
        model, drawn(model), fraction=1, to="deterministic", biases=True, shrink=True
    )
    assert [c.shape[-2:] for c in pruned.counts if "kernel" in c.name] == expected


def test_chains_inside_others_shrink():
    model = vl.Sequential(CHAINS["nested"][0])
    options = {"fraction": 1, "to": "deterministic", "shrink": True}
    pruned = vl.prune(model, drawn(model), **options)
    assert sizes(pruned) == [(6, 1), (1, 6), (6, 1), (1, 6), (6, 3)]


def test_a_layer_alone_stays():
    params = drawn(dense(3, 2))
    pruned = vl.prune(dense(3, 2), params, fraction=1, to="deterministic", shrink=True)
    assert sizes(pruned) == [(3, 2)]


def test_a_bayesian_model_becomes_small_points():
    model = vl.Sequential([vl.Dense(6, 16), vl.Activation("relu"), vl.Dense(16, 2)])
    params = model.init(vl.key(0), np.zeros(0))
    pruned = vl.prune(model, params, fraction=0.9, to="deterministic", shrink=True)
    hidden = pruned.layer.layers[0].out_features
    assert hidden < 16
    assert sizes(pruned) == [(6, hidden), (hidden, 2)]
    kept = [np.count_nonzero(pruned.params[i]["kernel"]["loc"]) for i in ("0", "2")]
    assert [count.kept for count in pruned.counts] == kept
    assert [count.size for count in pruned.counts] == [96, 32]


def chain(**options):
    """Return three dense layers, the middle one wide."""
    options = {"estimator": "local"} | options
    dense = [vl.Dense(*sizes, **options) for sizes in ((6, 16), (16, 12), (12, 2))]
    hidden = [vl.Activation("relu"), vl.Dropout(0.2)]
    return vl.Sequential([dense[0], *hidden, dense[1], *hidden, dense[2]])


BAYESIAN = {
    "normal": {"bias": "normal", "bias_prior": "normal"},
    "relative": {"posterior": "multiplicative normal", "prior": vl.LogUniformPrior()},
    "learned": {"prior": vl.StudentTPrior(scale=0.5, trainable=("scale",))},
    "no prior": {"prior": None, "bias": None},
}


@pytest.mark.parametrize("name", BAYESIAN)
def test_a_bayesian_model_shrinks_and_stays_one(name, library):
    model = chain(**BAYESIAN[name])
    params = library.tree(model.init(vl.key(1), np.zeros(0)))
    options = {"fraction": 0.9, "criterion": "magnitude", "biases": name == "normal"}
    full = vl.prune(model, params, **options)
    small = vl.prune(model, params, shrink=True, **options)
    assert small.layer.layers[0].out_features < 16
    assert small.layer.layers[3].posterior == model.layers[3].posterior
    x = library.asarray(np.random.default_rng(0).normal(size=(5, 6)))
    actual = outputs(small.layer, small.params, x)
    desired = library.to_numpy(outputs(full.layer, full.params, x))
    assert_same(library, actual, desired, 1e-13)
    fresh = small.layer.init(vl.key(0), np.zeros(0))
    map_leaves(lambda a, b: assert_shape(a, b.shape), small.params, fresh)
    given = dict(items(small.params))
    assert all(mask.shape == given[path].shape for path, mask in items(small.mask))
    noise = small.layer.draw(vl.key(2), (5, 6), x)
    assert_shape(small.layer.forward(small.params, x, noise)[0], (5, 2))


def assert_shape(array, shape):
    assert tuple(array.shape) == tuple(shape)


def test_a_random_weight_about_0_is_not_gone():
    model = vl.Sequential([vl.Dense(6, 5), vl.Dense(5, 2)])
    params = model.init(vl.key(1), np.zeros(0))
    params["1"]["kernel"]["loc"][3, :] = 0
    pruned = vl.prune(model, params, fraction=0, shrink=True)
    assert sizes(pruned) == [(6, 5), (5, 2)]


def test_the_divergence_of_the_others_stays():
    model = vl.Sequential([vl.Dense(6, 5, bias=None), vl.Dense(5, 2, bias=None)])
    params = model.init(vl.key(1), np.zeros(0))
    params["1"]["kernel"]["loc"][3, :] = 0
    pruned = vl.prune(model, params, threshold=1e-9, shrink=True)
    assert sizes(pruned) == [(6, 4), (4, 2)]
    rest = {n: np.delete(a, 3, axis=1) for n, a in params["0"]["kernel"].items()}
    desired = vl.Dense(6, 4, bias=None).kl({"kernel": rest})["kernel"]
    actual = pruned.layer.kl(pruned.params)["0"]["kernel"]
    np.testing.assert_allclose(actual, desired, rtol=1e-14)


@pytest.mark.parametrize(
    "options",
    [
        {"prior": "width-scaled normal"},
        {"prior": vl.NormalPrior(0.0, [1.0, 2.0])},
        {"posterior": "radial", "estimator": "flipout"},
        {"posterior": vl.MultiplicativeNormal(share="channel"), "prior": None},
        {"posterior": "rank-1 normal", "estimator": "reparameterization"},
    ],
)
def test_what_depends_on_the_size_of_a_layer_stays(options):
    options = {"estimator": "local", **options}
    ends = {"estimator": "local"}
    model = vl.Sequential([vl.Dense(6, 8, **ends), vl.Dense(8, 2, **options)])
    params = model.init(vl.key(1), np.zeros(0))
    pruned = vl.prune(model, params, fraction=1, shrink=True)
    assert sizes(pruned) == [(6, 8), (8, 2)]
