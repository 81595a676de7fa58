"""The table says what a user would compute by hand."""

import re
from dataclasses import dataclass

import numpy as np
import pytest

import varlayers as vl
from varlayers.activations import ACTIVATIONS
from varlayers.summary import compact, count_parameters
from varlayers.tree import leaves, map_leaves

MODEL = vl.Sequential(
    [
        vl.Flatten(),
        vl.Dense(6, 4, estimator="local", bias="normal"),
        vl.Residual(vl.Sequential([vl.LayerNorm(4), vl.Dense(4, 4, prior=None)])),
        vl.Activation("tanh"),
        vl.Dense(4, 3, posterior="point", bias=None, bias_prior=None, prior="normal"),
    ]
)
_NUMBERS = ("Parameters", "KL (nats)", "|loc|/scale")


def small_params():
    """Weights with loc 2 and scale 0.5 in the first dense layer, 3 and 1 after it."""
    params = MODEL.init(vl.key(0), np.zeros(0))
    shift = vl.MeanFieldNormal().shift

    def filled(loc, scale):
        rho = np.log(np.expm1(scale - shift))
        return lambda leaf: {"loc": np.full_like(leaf, loc), "rho": leaf * 0 + rho}

    for part in params["1"].values():
        part.update(filled(-2.0, 0.5)(part["loc"]))
    kernel = params["2"]["inner"]["1"]["kernel"]
    kernel.update(filled(3.0, 1.0)(kernel["loc"]))
    return params


def test_every_line():
    params = small_params()
    kl = sum(leaves(MODEL.layers[1].kl(params["1"])))
    nll = sum(leaves(MODEL.layers[4].kl(params["4"])))
    table = vl.summarize(MODEL, params, (5, 2, 3))
    dense = "Dense(6, 4, estimator='local', bias='normal')"
    point = "Dense(4, 3, posterior='point', bias=None)"
    rule = "-" * len(table.split("\n")[0])
    lines = [re.split(r"\s{2,}", line.strip()) for line in table.split("\n")]
    assert lines == [
        ["Name", "Layer", "Output", "Divergence", *_NUMBERS],
        [rule],
        ["0", "Flatten()", "(5, 6)", "0"],
        ["1", dense, "(5, 4)", "closed form", "56", f"{kl:,.1f}", "4.00"],
        ["2.inner.0", "LayerNorm(4)", "(5, 4)", "8"],
        ["2.inner.1", "Dense(4, 4, prior=None)", "(5, 4)", "36", "3.00"],
        ["3", "Activation('tanh')", "(5, 4)", "0"],
        ["4", point, "(5, 3)", "closed form", "12", f"{nll:,.1f}"],
        [rule],
        ["Total", "112", f"{kl + nll:,.1f}", "4.00"],
    ]


def test_totals_are_those_of_the_model():
    params = MODEL.init(vl.key(3), np.zeros(0))
    total = vl.summarize(MODEL, params).split("\n")[-1].split()
    assert total[1] == str(sum(leaf.size for leaf in leaves(params)))
    assert total[2] == f"{sum(leaves(MODEL.kl(params))):,.1f}"


def test_the_table_is_the_same_on_every_library(library):
    layer = vl.Dense(3, 2, bias=None)
    params = layer.init(vl.key(0), np.zeros(0))
    desired = vl.summarize(layer, params, (5, 3))
    assert vl.summarize(layer, library.tree(params), (5, 3)) == desired


def test_columns_are_aligned():
    header, rule, *lines = vl.summarize(MODEL, small_params(), (5, 2, 3)).split("\n")
    lines = [line for line in lines if line != rule]
    for name in ("Layer", "Output", "Divergence"):
        start = header.index(name)
        assert {line[start - 2 : start] for line in lines} == {"  "}
    for name in _NUMBERS:
        end = header.index(name) + len(name)
        assert {line[end : end + 2] for line in lines} <= {"", "  "}
    assert {line.rindex("4.00") for line in lines if "4.00" in line} == {len(rule) - 4}


def test_without_an_input_shape_there_is_no_output_column():
    assert "Output" not in vl.summarize(MODEL, small_params())


def twice_the_kl(k, pair, weight, dparams):
    return 2 * k.xp.sum(pair.q[0]), dparams, {}


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({}, "closed form"),
        ({"prior": "student t"}, "quadrature"),
        ({"divergence": "monte carlo"}, "monte carlo"),
        ({"divergence": vl.Renyi(0.3)}, "Renyi(alpha=0.3)"),
        ({"divergence": vl.FDivergence("pearson")}, "FDivergence('pearson')"),
        ({"divergence": twice_the_kl}, "twice_the_kl"),
        (
            {"bias": "normal", "bias_prior": "student t"},
            "kernel: closed form, bias: quadrature",
        ),
        ({"bias": "normal", "bias_prior": "normal"}, "closed form"),
    ],
)
def test_divergence_in_use_is_shown(settings, text):
    layer = vl.Dense(3, 2, **settings)
    header, _, line, *_ = vl.summarize(layer, layer.init(vl.key(0))).split("\n")
    start, end = header.index("Divergence"), header.index("Parameters")
    assert line[start:end].strip() == text


def test_a_layer_at_its_mean_has_no_divergence():
    layer = vl.Dense(3, 2)
    table = vl.summarize(layer.at_mean(), layer.init(vl.key(0)))
    assert "Divergence" not in table


def test_columns_without_entries_are_left_out():
    layer = vl.LayerNorm(3)
    table = vl.summarize(layer, layer.init(vl.key(0)))
    assert table.split("\n")[0].split() == ["Layer", "Parameters"]


def test_a_model_without_parameters():
    table = vl.summarize(vl.Flatten(), {}, (2, 3, 4))
    assert table.split("\n")[-1].split() == ["Total", "0"]
    assert "(2, 12)" in table


def test_points_have_no_ratio():
    layer = vl.Dense(2, 2, posterior="point", bias="normal")
    params = layer.init(vl.key(0), np.zeros(0))
    params["bias"]["loc"] = params["bias"]["loc"] + 1
    scale = layer.weights(params)["bias"]["scale"][0]
    assert vl.summarize(layer, params).split("\n")[-1].endswith(f" {1 / scale:.2f}")


def test_long_descriptions_are_shortened():
    prior = vl.NormalPrior(loc=0.25, scale=np.ones((3, 2)), width_scaled=True)
    layer = vl.Dense(3, 2, prior=prior)
    table = vl.summarize(layer, layer.init(vl.key(0)))
    assert "Dense(3, 2, prior=NormalPrior(loc=0.25, scale=C…  " in table


def test_an_input_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"of shape \(\.\.\., 3\), got \(5, 4\)"):
        vl.summarize(vl.Dense(3, 2), vl.Dense(3, 2).init(vl.key(0)), (5, 4))


def test_count_parameters(library):
    params = library.tree({"a": np.ones((2, 3)), "b": {"c": np.ones(()), "d": []}})
    assert count_parameters(params) == 7
    assert count_parameters({}) == 0


@dataclass(frozen=True)
class Outer:
    inner: object
    sizes: tuple[int, ...] = (1, 2)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (vl.Dropout(), "Dropout()"),
        (vl.Dropout(0.1), "Dropout(rate=0.1)"),
        (vl.Dense(2, 3, estimator="local"), "Dense(2, 3, estimator='local')"),
        (vl.Dense(2, 3, estimator=vl.Flipout()), "Dense(2, 3)"),
        (
            vl.Dense(2, 3, estimator=vl.Flipout("element")),
            "Dense(2, 3, estimator=Flipout(signs='element'))",
        ),
        (vl.Activation(ACTIVATIONS["relu"]), "Activation('relu')"),
        (vl.Sequential([vl.Flatten()]), "Sequential([Flatten()])"),
        (Outer(vl.Flatten(), (1, 2)), "Outer(Flatten())"),
        (Outer(3, (4,)), "Outer(3, sizes=[4])"),
    ],
)
def test_compact(value, text):
    assert compact(value) == text


def test_children_follow_the_shapes():
    def walk(layer, x_shape):
        for name, (child, shape) in layer.children(x_shape).items():
            yield name, shape
            yield from walk(child, shape)

    assert list(walk(MODEL, (5, 2, 3))) == [
        ("0", (5, 2, 3)),
        ("1", (5, 6)),
        ("2", (5, 4)),
        ("inner", (5, 4)),
        ("0", (5, 4)),
        ("1", (5, 4)),
        ("3", (5, 4)),
        ("4", (5, 4)),
    ]
    assert {shape for _, shape in walk(MODEL, None)} == {None}


def test_the_summary_changes_nothing():
    params = small_params()
    before = map_leaves(np.copy, params)
    vl.summarize(MODEL, params, (5, 6))
    map_leaves(np.testing.assert_array_equal, params, before)


def test_a_shape_in_the_place_of_parameters_is_refused():
    with pytest.raises(
        TypeError, match=r"summarize expected `params`, the dict .* tuple"
    ):
        vl.summarize(vl.Dense(3, 2), (5, 3))
