"""What is rebuilt equals what was described; a wrong description is refused."""

import json
import re
from dataclasses import MISSING, dataclass, fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

import varlayers as vl
from varlayers.activations import ACTIVATIONS
from varlayers.initializers import INITIALIZERS
from varlayers.posteriors import MeanOf
from varlayers.serialization import Description, describe, rebuild, registry

ARRAY = np.array([0.5, 2.0])
LAYER = vl.Dense(
    3,
    2,
    estimator=vl.Flipout("element"),
    posterior=vl.MeanFieldNormal(0.3, 1e-4),
    prior=vl.NormalPrior(ARRAY, ARRAY, width_scaled=True),
    bias="normal",
    bias_prior="normal",
    kernel_initializer=vl.VarianceScaling(1.5, "fan_out", "truncated_normal"),
)
VALUES = [
    LAYER,
    LAYER.at_mean(),
    vl.Dense(3, 2, bias=None, prior=None, posterior=MeanOf(vl.MeanFieldNormal())),
    vl.Sequential([vl.Residual(LAYER, vl.Dense(3, 2)), vl.LayerNorm(2, 1e-3)]),
    vl.Activation(ACTIVATIONS["silu"]),
    vl.ELBO(LAYER, vl.Normal(ARRAY), 100, vl.schedules.Linear(0.0, 1.0, 5), 2),
    vl.AdamW(vl.schedules.WarmUp(vl.schedules.Cosine(0.1, 100), 10), beta1=0.5),
    {"key": vl.key(2**40 + 1), "layers": [LAYER, None], "pair": ((), (1, [2.5]))},
    {"nan": [float("inf"), -0.0, 1e-300, 2**70], "empty": {}, "list": []},
]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text("abc.", max_size=3), inner, max_size=3)
    ),
    max_leaves=10,
)
DTYPES = ["bool", "int8", "uint32", "int64", "float16", "float32", "float64"]
HOST_ARRAYS = npst.arrays(
    st.sampled_from(DTYPES),
    npst.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
)
TREES = st.recursive(
    HOST_ARRAYS,
    lambda inner: st.dictionaries(st.text("abc", min_size=1), inner, max_size=3),
    max_leaves=6,
)


def through_json(value):
    content, arrays = describe(value)
    return rebuild(Description(json.loads(json.dumps(content)), arrays))


def required(cls):
    return [f for f in fields(cls) if MISSING is f.default is f.default_factory]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_rebuilt_values_are_equal(value):
    again = through_json(value)
    assert again == value
    assert repr(again) == repr(value)


@pytest.mark.parametrize(
    "cls",
    [cls for cls in registry._library_classes().values() if not required(cls)],
    ids=lambda cls: cls.__name__,
)
def test_every_default_object_of_the_library_is_rebuilt(cls):
    assert through_json(cls()) == cls()


@given(JSON)
def test_plain_data_is_rebuilt(value):
    assert repr(through_json(value)) == repr(value)


@given(TREES)
def test_arrays_are_rebuilt_bit_for_bit(tree):
    def bits(node):
        if isinstance(node, dict):
            return {name: bits(part) for name, part in node.items()}
        return node.dtype, node.shape, node.tobytes()

    assert bits(through_json(tree)) == bits(tree)


def test_arrays_take_the_library_of_like(library):
    like = library.asarray([0.0], "float32")
    params = vl.Dense(3, 2).init(vl.key(0), np.zeros(0))
    made = rebuild(describe({"params": params, "step": 3}), like=like)
    assert made["step"] == 3
    leaf = made["params"]["kernel"]["loc"]
    assert (type(leaf), leaf.dtype) == (type(like), like.dtype)
    assert leaf.device == like.device
    np.testing.assert_array_equal(
        library.to_numpy(leaf), params["kernel"]["loc"].astype("float32")
    )


def test_constants_stay_on_the_host():
    like = np.zeros(0, np.float32)
    prior = vl.NormalPrior(scale=np.array([0.1, 0.2]))
    assert rebuild(describe(prior), like=like) == prior


def test_rebuilt_arrays_are_copies():
    params = {"w": np.ones(3)}
    rebuild(describe(params))["w"][:] = 7.0
    np.testing.assert_array_equal(params["w"], 1.0)


def test_rebuilding_leaves_the_description_alone():
    description = describe({"layer": LAYER, "w": np.ones(2)})
    before = (json.dumps(description.content), list(description.arrays))
    assert rebuild(description)["layer"] == rebuild(description)["layer"]
    assert (json.dumps(description.content), list(description.arrays)) == before


def test_registered_classes_are_rebuilt(monkeypatch):
    monkeypatch.setattr(registry, "_REGISTERED", dict(registry._REGISTERED))

    @vl.register_class
    @dataclass(frozen=True)
    class Mine:
        layer: object
        sizes: tuple[int, ...] = (1, 2)

    mine = Mine(LAYER)
    assert through_json(mine) == mine


def test_entries_that_a_user_adds_are_rebuilt(monkeypatch):
    def mine(k, key, shape, like, fans):
        return k.xp.zeros(shape, dtype=like.dtype)

    monkeypatch.setitem(INITIALIZERS, "mine", mine)
    layer = vl.Dense(2, 2, kernel_initializer="mine")
    assert layer.kernel_initializer is mine
    assert through_json(layer) == layer


def test_fields_left_out_take_their_default():
    assert rebuild(Description({"$class": "layers.Dropout"}, {})) == vl.Dropout()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"$class": "layers.Dence"}, "expected a registered class, got 'layers.Dence'"),
        ({"$class": "os.system", "command": "ls"}, "got 'os.system'. Update varlayers"),
        ({"$named": "activations.relo"}, "of a table's entry, got 'activations.relo'."),
        ({"$eval": "1"}, "expected a tag in ['$array', '$class', "),
        ({"$array": "w"}, "rebuild expected an array 'w', got []."),
        ({"$constant": "w"}, "rebuild expected an array 'w', got []."),
        ({"$class": "layers.Dropout", "rate": 2}, "expected 0 <= `rate` < 1, got 2."),
        ({"$class": "layers.Dropout", "p": 0.1}, "got {'p': 0.1}."),
        ({"$class": "layers.Dense"}, "missing 2 required positional arguments"),
        ({"$class": "layers.LayerNorm", "features": "2"}, "an integer `features`"),
    ],
)
def test_wrong_descriptions_are_refused(content, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        rebuild(Description(content, {}))


def test_arrays_left_over_are_refused():
    content, arrays = describe({"w": np.ones(2)})
    message = r"expected no array beside those described, got \['v'\]."
    with pytest.raises(ValueError, match=message):
        rebuild(Description(content, {**arrays, "v": np.ones(2)}))


def test_an_array_is_used_once():
    twice = {"a": {"$array": "w"}, "b": {"$array": "w"}}
    with pytest.raises(ValueError, match="expected an array 'w'"):
        rebuild(Description(twice, {"w": np.ones(2)}))


def test_like_has_a_floating_dtype():
    with pytest.raises(TypeError, match="`like` of a floating dtype, got int64"):
        rebuild(Description({}, {}), like=np.arange(3))
