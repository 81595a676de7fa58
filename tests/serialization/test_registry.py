"""What the library exports has a name and is found by it; nothing else does."""

import re
from dataclasses import dataclass, is_dataclass
from importlib import import_module
from typing import NamedTuple

import pytest

import varlayers as vl
from varlayers.activations import ACTIVATIONS, Elementwise
from varlayers.posteriors import MeanOf
from varlayers.random import Key, Native
from varlayers.serialization import registry
from varlayers.serialization.registry import (
    class_name,
    entry_name,
    find_class,
    find_entry,
    register_class,
)

KINDS = (
    "activations",
    "divergences",
    "estimators",
    "initializers",
    "layers",
    "likelihoods",
    "optimizers",
    "posteriors",
    "priors",
)


@pytest.fixture(autouse=True)
def _own_registrations(monkeypatch):
    monkeypatch.setattr(registry, "_REGISTERED", dict(registry._REGISTERED))


def table_of(kind):
    return getattr(import_module(f"varlayers.{kind}"), kind.upper())


@pytest.mark.parametrize("kind", KINDS)
def test_every_class_of_a_table_is_found_by_its_name(kind):
    assert table_of(kind)
    for entry in table_of(kind).values():
        cls = entry if isinstance(entry, type) else type(entry)
        if cls is not Elementwise:
            assert find_class(f"{kind}.{cls.__name__}") is cls
            assert class_name(cls) == f"{kind}.{cls.__name__}"


@pytest.mark.parametrize("kind", KINDS)
def test_every_entry_of_a_table_is_found_by_its_name(kind):
    for name, entry in table_of(kind).items():
        assert find_entry(f"{kind}.{name}") is entry
        assert find_entry(entry_name(entry)) == entry


def test_what_is_public_without_a_table_entry_is_known_too():
    assert find_class("posteriors.MeanOf") is MeanOf
    assert find_class("optimizers.Cosine") is vl.schedules.Cosine
    assert find_class("elbo.ELBO") is vl.ELBO
    assert find_class("random.Key") is Key


def test_equal_objects_have_the_same_name():
    assert entry_name(vl.Flipout("channel")) == "estimators.flipout"
    assert entry_name(vl.Flipout("element")) is None
    assert entry_name(ACTIVATIONS["gelu"]) == "activations.gelu"


OTHER_NAMES = [
    "",
    "Key",
    "activations.Elementwise",
    "builtins.eval",
    "elbo.Loss",
    "layers",
    "layers.",
    "layers.Bilinear",
    "layers.LAYERS",
    "os.system",
    "random.Native",
]


@pytest.mark.parametrize("name", OTHER_NAMES)
def test_nothing_else_is_found(name):
    assert find_class(name) is None
    assert find_entry(name) is None


def test_what_is_not_exported_has_no_name():
    assert class_name(Native) is None
    assert class_name(int) is None
    assert entry_name(3) is None
    assert entry_name(print) is None


def test_only_frozen_classes_of_the_library_have_names():
    for cls in registry._library_classes().values():
        assert is_dataclass(cls)
        assert cls.__dataclass_params__.frozen


def test_registered_classes_are_found():
    @register_class
    @dataclass(frozen=True)
    class Mine:
        size: int

    class Pair(NamedTuple):
        one: int
        two: int

    assert register_class(Pair, "mine.Pair") is Pair
    assert (class_name(Mine), class_name(Pair)) == ("Mine", "mine.Pair")
    assert (find_class("Mine"), find_class("mine.Pair")) == (Mine, Pair)


def test_a_class_may_be_defined_again():
    def define():
        @register_class
        @dataclass(frozen=True)
        class Again:
            size: int

        return Again

    first, second = define(), define()
    assert first is not second
    assert find_class("Again") is second


@pytest.mark.parametrize("cls", [dict, 3, dataclass(type("Mutable", (), {}))])
def test_mutable_classes_are_refused(cls):
    with pytest.raises(
        TypeError, match="expected a frozen dataclass or a named tuple `cls`, got"
    ):
        register_class(cls)


@pytest.mark.parametrize("name", ["layers.Dense", "random.Key"])
def test_taken_names_are_refused(name):
    message = f"expected an unused `name`, got '{name}', which is varlayers"
    with pytest.raises(ValueError, match=re.escape(message)):
        register_class(vl.Dropout, name)
