"""Straight code that takes trees apart and puts them together."""

from collections import OrderedDict
from typing import NamedTuple

import numpy as np
import pytest

pytest.importorskip("numba")

from varlayers_backends.trees import Leaf, kind_of, maker, taker


class Pair(NamedTuple):
    one: object
    other: object


class Named(tuple):
    """A tuple with a type of its own."""


X = np.zeros((2, 3), np.float32)
TREE = {"a": [X, 1, (2.0, None)], 'it\'s "b"': Pair(X, {"c": 3}), 4: ()}
OTHERS = {
    "another name": {"b": 1},
    "fewer": {},
    "more": {"a": 1, "b": 2},
    "a float": {"a": 1.0},
    "bool": {"a": True},
    "an array": {"a": X},
    "a scalar": {"a": np.float32(1)},
    "nothing": {"a": None},
    "a list": ["a"],
    "deeper": {"a": {"a": 1}},
    "ordered": OrderedDict(a=1),
}


def test_taker_finds_the_leaves_in_order():
    leaves = taker(TREE)(TREE)
    assert leaves[0] is leaves[3] is X
    assert leaves[1:3] + leaves[4:] == [1, 2.0, 3]


def test_taker_does_not_look_at_shapes():
    assert taker([X])([X[:1].astype(int)])[0].shape == (1, 3)


@pytest.mark.parametrize("other", OTHERS.values(), ids=list(OTHERS))
def test_taker_takes_no_other_tree(other):
    assert taker({"a": 1})({"a": 5}) == [5]
    assert taker({"a": 1})(other) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [([1], (1,)), ((1, 2), Pair(1, 2)), ([1], [1, 2]), ([None], [0]), ([[]], [()])],
)
def test_taker_tells_sequences_apart(one, other):
    assert taker(one)(one) is not None
    assert taker(one)(other) is None
    assert taker(other)(one) is None


def test_maker_puts_results_where_they_belong():
    def place(leaf):
        return f"results[{leaf}]" if isinstance(leaf, int) else ""

    make = maker({"a": [0, (2.5, None)], 'it\'s "b"': Pair(1, (0,)), 4: []}, place)
    made = make(["x", "y"])
    assert made == {"a": ["x", (2.5, None)], 'it\'s "b"': Pair("y", ("x",)), 4: []}
    assert type(made['it\'s "b"']) is Pair
    assert make(["x", "y"]) is not made


def test_leaf_without_code_stands_there_itself():
    leaf = object()
    assert maker((leaf,), lambda _: "")([])[0] is leaf


@pytest.mark.parametrize("tree", [OrderedDict(a=1), Named((1, 2))])
def test_maker_refuses_trees_of_other_types(tree):
    with pytest.raises(Leaf, match=type(tree).__name__):
        maker([tree], lambda _: "")


def test_kinds_tell_trees_apart():
    trees = [
        *([X], [X.T], [X.astype(float)], (X,), [X, X], [[X]], {"a": X}, {"b": X}),
        *([1], [1.0], [None], [], Pair(X, X), (X, X), {"a": X, "b": X}),
    ]
    assert len({kind_of(tree) for tree in trees}) == len(trees)
    assert kind_of({"a": [X, 1]}) == kind_of({"a": [X + 1, 2]})


@pytest.mark.parametrize(
    "leaf",
    [True, "text", np.float32(1), {1}, OrderedDict(), X.astype(">f4"), np.array(["a"])],
)
def test_other_leaves_have_no_kind(leaf):
    with pytest.raises(Leaf, match=type(leaf).__name__):
        kind_of({"a": [leaf]})
