"""Nested dicts: names round-trip, order is kept, and mismatched trees are refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from varlayers.tree import items, leaves, map_leaves, unflatten

NAMES = st.text("abc", min_size=1, max_size=2)
TREES = st.recursive(
    st.integers(),
    lambda inner: st.dictionaries(NAMES, inner, min_size=1, max_size=3),
    max_leaves=8,
).filter(lambda tree: isinstance(tree, dict))

TREE = {"b": {"loc": 1, "rho": 2}, "a": 3}


def test_items_name_the_leaves_in_order():
    assert list(items(TREE)) == [("b.loc", 1), ("b.rho", 2), ("a", 3)]
    assert leaves(TREE) == [1, 2, 3]


@given(TREES)
def test_unflatten_inverts_items(tree):
    again = unflatten(dict(items(tree)))
    assert again == tree
    assert list(items(again)) == list(items(tree))


@given(TREES)
def test_map_leaves_keeps_structure_and_order(tree):
    doubled = map_leaves(lambda leaf: 2 * leaf, tree)
    assert list(items(doubled)) == [(name, 2 * leaf) for name, leaf in items(tree)]


def test_map_leaves_pairs_by_name_not_by_order():
    other = {"a": 30, "b": {"rho": 20, "loc": 10}}
    assert map_leaves(lambda *pair: pair, TREE, other) == {
        "b": {"loc": (1, 10), "rho": (2, 20)},
        "a": (3, 30),
    }


def test_map_leaves_takes_any_number_of_trees():
    assert map_leaves(lambda *three: sum(three), TREE, TREE, TREE)["a"] == 9


def test_arrays_are_leaves():
    tree = {"w": {"loc": np.ones((2, 3))}}
    mapped = map_leaves(np.add, tree, tree)
    np.testing.assert_array_equal(mapped["w"]["loc"], 2)
    assert leaves(tree)[0] is tree["w"]["loc"]


def test_empty_trees():
    assert leaves({}) == []
    assert unflatten({}) == {}
    assert map_leaves(lambda leaf: leaf, {"activation": {}}) == {"activation": {}}


def test_no_input_is_changed():
    tree = {"b": {"loc": 1}}
    map_leaves(lambda one, other: one + other, tree, tree)["b"]["loc"] = 7
    assert tree == {"b": {"loc": 1}}


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"a": 3}, r"same names, got \['a', 'b'\] and \['a'\]"),
        ({**TREE, "c": 4}, r"got \['a', 'b'\] and \['a', 'b', 'c'\]"),
        ({"b": {"loc": 1}, "a": 3}, r"got \['loc', 'rho'\] and \['loc'\]"),
    ],
)
def test_trees_with_other_names_are_refused(other, message):
    with pytest.raises(ValueError, match=message):
        map_leaves(lambda *pair: pair, TREE, other)
