"""Pruned models: their outputs, counts and masks, on every array library."""

from dataclasses import dataclass

import numpy as np
import pytest
from support.libraries import assert_same

import varlayers as vl
from varlayers.posteriors import POSTERIORS
from varlayers.tree import items, leaves, map_leaves, unflatten

_NOISY = {"bias": "normal", "bias_prior": "normal"}
MODEL = vl.Sequential(
    [
        vl.Convolution(1, 3, 2, estimator="local"),
        vl.Activation("relu"),
        vl.Flatten(),
        vl.Residual(vl.Sequential([vl.LayerNorm(12), vl.Dense(12, 12, **_NOISY)])),
        vl.Dropout(0.5),
        vl.Dense(12, 2, bias=None, prior=vl.NormalPrior(trainable=("scale",))),
    ]
)
NAMES = ["0.kernel", "3.inner.1.kernel", "5.kernel"]
SIZE = 12 + 144 + 24
X = np.random.default_rng(0).normal(size=(5, 3, 3, 1))


def drawn(layer, seed=0):
    """Return parameters of which none is 0, with scales of the size of the means."""
    rng = np.random.default_rng(seed)
    params = layer.init(vl.key(seed), np.zeros(0))
    moved = {
        name: leaf + 0.3 * rng.normal(size=leaf.shape) + 2 * name.endswith("rho")
        for name, leaf in items(params)
    }
    return unflatten(moved)


PARAMS = drawn(MODEL)


def at_mean(layer, params, x=X):
    return layer.at_mean().forward(params, x, {})[0]


def weight_of(layer, params, name):
    """Return the {"loc", "scale"} of a dotted name."""
    found = layer.weights(params)
    for part in name.split("."):
        found = found[part]
    return found


def masked(params, mask):
    """Return params with 0 for each loc that is masked."""
    kept = dict(items(mask))
    return {
        name: masked(value, mask.get(name, {}))
        if isinstance(value, dict)
        else value * kept.get(name, True)
        if name == "loc"
        else value
        for name, value in params.items()
    }


def assert_equal(actual, expected):
    map_leaves(np.testing.assert_array_equal, actual, expected)


@pytest.mark.parametrize("to", ["same", "deterministic"])
@pytest.mark.parametrize(
    "options",
    [
        {"fraction": 0.6},
        {"fraction": 0.6, "scope": "layer", "biases": True},
        {"threshold": 1.0},
        {"threshold": -0.5, "criterion": "log alpha"},
        {"threshold": 0.3, "criterion": "magnitude"},
    ],
)
def test_outputs_at_the_mean_are_those_of_masked_weights(library, options, to):
    pruned = vl.prune(MODEL, library.tree(PARAMS), to=to, **options)
    assert 0.2 < pruned.sparsity < 0.8
    mask = map_leaves(library.to_numpy, pruned.mask)
    desired = at_mean(MODEL, masked(PARAMS, mask))
    actual = at_mean(pruned.layer, pruned.params, library.asarray(X))
    assert_same(library, actual, desired, 1e-14)


@pytest.mark.parametrize("to", ["same", "deterministic"])
def test_counts_add_up(to):
    pruned = vl.prune(MODEL, PARAMS, fraction=0.4, to=to)
    assert [count.name for count in pruned.counts] == NAMES
    assert [count.layer for count in pruned.counts] == ["Convolution", "Dense", "Dense"]
    assert sum(count.size for count in pruned.counts) == SIZE
    assert sum(count.pruned for count in pruned.counts) == round(0.4 * SIZE)
    for count in pruned.counts:
        loc = weight_of(pruned.layer, pruned.params, count.name)["loc"]
        assert np.sum(loc == 0) == count.pruned == count.size - count.kept
        assert loc.shape == count.shape
    assert pruned.sparsity == pytest.approx(0.4)


def test_the_lowest_ratios_go():
    pruned = vl.prune(MODEL, PARAMS, fraction=0.3)
    ratios, gone = [], []
    for name in NAMES:
        weight = weight_of(MODEL, PARAMS, name)
        ratios.append(np.abs(weight["loc"] / weight["scale"]).ravel())
        gone.append(weight_of(MODEL, pruned.params, name)["loc"].ravel() == 0)
    ratios, gone = np.concatenate(ratios), np.concatenate(gone)
    assert ratios[gone].max() < ratios[~gone].min()


@pytest.mark.parametrize("options", [{"fraction": 0.0}, {"threshold": 0.0}])
def test_nothing_removed_changes_nothing(options):
    pruned = vl.prune(MODEL, PARAMS, **options)
    assert pruned.layer == MODEL
    assert pruned.sparsity == 0
    assert_equal(pruned.params, PARAMS)
    assert all(np.all(leaf) for leaf in leaves(pruned.mask))


@pytest.mark.parametrize("to", ["same", "deterministic"])
def test_everything_removed_leaves_the_biases(to):
    layer = vl.Dense(3, 2)
    params, x = drawn(layer), np.ones((4, 3))
    pruned = vl.prune(layer, params, fraction=1, to=to)
    y = at_mean(pruned.layer, pruned.params, x)
    np.testing.assert_array_equal(y, np.broadcast_to(params["bias"]["loc"], (4, 2)))
    options = {"criterion": "magnitude", "biases": True}
    pruned = vl.prune(layer, params, fraction=1, to=to, **options)
    assert np.all(at_mean(pruned.layer, pruned.params, x) == 0)


@pytest.mark.parametrize(
    "options",
    [
        {"fraction": 0.5},
        {"fraction": 0.5, "scope": "layer"},
        {"threshold": 1.0},
        {"threshold": -0.5, "criterion": "log alpha"},
    ],
)
def test_pruning_twice_is_pruning_once(options):
    once = vl.prune(MODEL, PARAMS, **options)
    twice = vl.prune(once.layer, once.params, **options)
    assert_equal(twice.params, once.params)
    assert_equal(twice.mask, once.mask)
    assert twice.counts == once.counts


def test_log_alpha_and_ratio_are_two_names_of_one_threshold():
    by_ratio = vl.prune(MODEL, PARAMS, threshold=0.8)
    by_alpha = vl.prune(
        MODEL, PARAMS, threshold=-2 * np.log(0.8), criterion="log alpha"
    )
    assert_equal(by_alpha.params, by_ratio.params)


def test_biases_stay_unless_asked():
    pruned = vl.prune(MODEL, PARAMS, fraction=1.0)
    before = MODEL.weights(PARAMS)["3"]["inner"]["1"]["bias"]
    after = MODEL.weights(pruned.params)["3"]["inner"]["1"]["bias"]
    assert_equal(after, before)
    pruned = vl.prune(MODEL, PARAMS, fraction=1.0, biases=True, criterion="magnitude")
    assert "3.inner.1.bias" in [count.name for count in pruned.counts]
    assert np.all(MODEL.weights(pruned.params)["3"]["inner"]["1"]["bias"]["loc"] == 0)


def test_layer_scope_takes_the_fraction_of_each():
    pruned = vl.prune(MODEL, PARAMS, fraction=0.25, scope="layer")
    assert [count.pruned for count in pruned.counts] == [3, 36, 6]


@pytest.mark.parametrize("share", ["weight", "channel", "layer"])
def test_relative_noise_is_gone_without_a_mean(share):
    posterior = vl.MultiplicativeNormal(share=share)
    layer = vl.Dense(4, 3, posterior=posterior, prior=None)
    pruned = vl.prune(layer, drawn(layer), fraction=0.5, criterion="log alpha")
    weight = layer.weights(pruned.params)["kernel"]
    zero = weight["loc"] == 0
    assert np.sum(zero) == 6
    assert np.all((weight["scale"] == 0) == zero)
    assert ("rho" in pruned.mask["kernel"]) == (share == "weight")


@pytest.mark.parametrize("name", sorted(POSTERIORS))
def test_every_posterior_is_silenced_or_refused(name):
    layer = vl.Dense(4, 3, posterior=name, prior=None, estimator="reparameterization")
    params = drawn(layer)
    if not hasattr(POSTERIORS[name], "masked"):
        message = r"removed one by one, got \w+ for 'kernel'\. Choose to=\"determ"
        with pytest.raises(ValueError, match=message):
            vl.prune(layer, params, fraction=0.5)
    else:
        pruned = vl.prune(layer, params, fraction=0.5)
        before, after = (layer.weights(p)["kernel"] for p in (params, pruned.params))
        zero = after["loc"] == 0
        assert np.sum(zero) == 6
        assert np.all(after["scale"][zero] <= 1.5e-5)
        np.testing.assert_allclose(after["scale"][~zero], before["scale"][~zero])
    points = vl.prune(layer, params, fraction=0.5, to="deterministic")
    assert list(dict(items(points.params))) == ["kernel.loc", "bias.loc"]


def test_points_have_no_scale_and_no_prior():
    pruned = vl.prune(MODEL, PARAMS, fraction=0.5, to="deterministic")
    fresh = pruned.layer.init(vl.key(0), np.zeros(0))
    assert list(dict(items(pruned.params))) == list(dict(items(fresh)))
    assert pruned.layer.kl(pruned.params) == {}
    assert isinstance(pruned.layer.layers[4], vl.Dropout)


def test_points_are_compared_by_magnitude():
    layer = vl.Dense(4, 3, posterior="point", prior=None)
    params = drawn(layer)
    pruned = vl.prune(layer, params, threshold=0.2)
    loc = params["kernel"]["loc"]
    np.testing.assert_array_equal(
        pruned.params["kernel"]["loc"], np.where(np.abs(loc) < 0.2, 0, loc)
    )


def test_a_layer_scope_takes_points_and_random_weights():
    model = vl.Sequential([vl.Dense(4, 4), vl.Dense(4, 4, posterior="point")])
    pruned = vl.prune(model, drawn(model), fraction=0.5, scope="layer")
    assert [count.pruned for count in pruned.counts] == [8, 8]


def test_the_arguments_are_left_alone():
    params = map_leaves(np.copy, PARAMS)
    for to in ("same", "deterministic"):
        vl.prune(MODEL, params, fraction=0.9, to=to, shrink=to == "deterministic")
    assert_equal(params, PARAMS)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtypes_stay(library, dtype):
    params = library.tree(PARAMS, dtype)
    pruned = vl.prune(MODEL, params, fraction=0.5)
    for one, other in zip(leaves(pruned.params), leaves(params), strict=True):
        assert one.dtype == other.dtype


def test_training_on_revives_nothing():
    x = np.random.default_rng(1).normal(size=(32, 4))
    elbo = vl.ELBO(vl.Dense(4, 3), vl.Normal(1.0), num_data=32)
    data = {"key": vl.key(0), "epochs": 3, "batch_size": 8, "progress": False}
    state = vl.fit(elbo, x, x[:, :3], **data)
    pruned = vl.prune(elbo.model, state["params"]["model"], fraction=0.5)
    params = {"model": pruned.params}

    def trained(optimizer):
        start = {"params": params, "optimizer": optimizer.init(params), "step": 0}
        state = {**start, "history": {}}
        end = vl.fit(elbo, x, x[:, :3], optimizer=optimizer, state=state, **data)
        return end["params"]["model"]["kernel"]

    adam = vl.AdamW(1e-2, weight_decay=0.1)
    free, held = trained(adam), trained(vl.Masked(adam, {"model": pruned.mask}))
    gone = ~pruned.mask["kernel"]["loc"]
    assert np.all(free["loc"][gone] != 0)
    assert np.all(held["loc"][gone] == 0)
    np.testing.assert_array_equal(
        held["rho"][gone], params["model"]["kernel"]["rho"][gone]
    )
    assert np.all(held["loc"][~gone] != params["model"]["kernel"]["loc"][~gone])


def test_a_model_without_weights():
    pruned = vl.prune(vl.Flatten(), {}, fraction=0.5)
    assert (pruned.params, pruned.counts, pruned.sparsity) == ({}, (), 0.0)


@dataclass(frozen=True)
class Nameless(vl.LayerNorm):
    def weights(self, params):
        return {"gain": {"loc": params["gain"], "scale": params["gain"]}}


def test_a_layer_that_names_no_posteriors_is_refused():
    model = vl.Sequential([Nameless(3)])
    with pytest.raises(TypeError, match=r"`posteriors`, got Nameless .* '0\.gain'"):
        vl.prune(model, model.init(vl.key(0)), fraction=0.5)
