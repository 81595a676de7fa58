import re

import numpy as np
import pytest
from support.libraries import make_library

from varlayers.checks import (
    check_arrays,
    check_input,
    check_layers,
    check_size,
    lookup,
    per_axis,
)
from varlayers.dispatch import kernels_for
from varlayers.layers import Activation, LayerNorm


def test_lookup_takes_names_and_values():
    table = {"one": 1}
    assert lookup("Owner", "number", "one", table) == 1
    assert lookup("Owner", "number", 2.5, table) == 2.5
    assert lookup("Owner", "number", None, table) is None


def test_lookup_refuses_an_unknown_name():
    message = r"Owner expected `number` in \['one', 'two'\], got 'three'\."
    with pytest.raises(ValueError, match=message):
        lookup("Owner", "number", "three", {"two": 2, "one": 1})


def test_lookup_refuses_a_class():
    message = r"Owner expected an instance for `number`, got the class int\. Write int"
    with pytest.raises(TypeError, match=message):
        lookup("Owner", "number", int, {})


def test_size_accepts_positive_integers():
    for value in (1, 10**12):
        check_size("Owner", "size", value)


@pytest.mark.parametrize("value", [2.0, "2", None, True, np.array(2)])
def test_size_refuses_what_is_no_integer(value):
    with pytest.raises(TypeError, match="Owner expected an integer `size`, got "):
        check_size("Owner", "size", value)


@pytest.mark.parametrize("value", [0, -3])
def test_size_refuses_less_than_one(value):
    with pytest.raises(ValueError, match=rf"Owner expected `size` >= 1, got {value}\."):
        check_size("Owner", "size", value)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_input_of_the_dtype_of_the_parameters_passes(library, dtype):
    x = library.asarray([np.nan], dtype)
    check_input("Owner", kernels_for(x), x, x)


@pytest.mark.parametrize("dtype", ["int64", "bool", "complex64"])
def test_input_must_be_real_floating(library, dtype):
    x, like = library.asarray([1], dtype), library.asarray([1.0])
    message = rf"Owner expected `x` of a floating dtype, got .*{dtype}.*\. Convert it"
    with pytest.raises(TypeError, match=message):
        check_input("Owner", kernels_for(x), x, like)


def test_input_must_have_the_dtype_of_the_parameters(library):
    x, like = library.asarray([1.0], "float64"), library.asarray([1.0], "float32")
    message = r"Owner expected `x` of dtype .*float32.*, got .*float64.*\. Convert one"
    with pytest.raises(TypeError, match=message):
        check_input("Owner", kernels_for(x), x, like)


def test_input_dtype_is_not_compared_between_libraries():
    """A traced input beside concrete parameters: the library itself decides."""
    x = make_library("jax").asarray([1.0], "float64")
    check_input("Owner", kernels_for(x), x, np.ones(1, np.float32))


def test_arrays_of_the_right_names_and_shapes_pass(library):
    arrays = library.tree({"kernel": {"loc": np.ones((3, 2))}, "bias": np.ones(2)})
    shapes = {"kernel": {"loc": (3, 2)}, "bias": (2,)}
    check_arrays("Owner", "parameters", arrays, shapes)


@pytest.mark.parametrize(
    ("what", "remedy"), [("parameters", "init"), ("noise", "draw")]
)
def test_arrays_of_other_names_are_refused(what, remedy):
    message = rf"Owner expected {what} \['kernel'\], got \['bias', 'kernel'\]\. "
    arrays = {"kernel": np.ones(3), "bias": np.ones(3)}
    with pytest.raises(ValueError, match=message + rf"Make them with {remedy}\."):
        check_arrays("Owner", what, arrays, {"kernel": (3,)})


def test_arrays_of_other_shapes_are_refused():
    message = (
        r"Owner expected parameters `kernel\.rho` of shape \(3, 2\), got \(2, 3\)\."
    )
    arrays = {"kernel": {"loc": np.ones((3, 2)), "rho": np.ones((2, 3))}}
    with pytest.raises(ValueError, match=message):
        check_arrays(
            "Owner", "parameters", arrays, {"kernel": {"loc": (3, 2), "rho": (3, 2)}}
        )


@pytest.mark.parametrize(
    ("kernel", "got"), [({"loc": np.ones(3)}, r"\['loc'\]"), (np.ones(3), "ndarray")]
)
def test_nested_arrays_of_other_names_are_refused(kernel, got):
    message = (
        r"^Owner expected parameters `a\.kernel` with \['loc', 'rho'\], "
        rf"got {got}\. Make them with init\.$"
    )
    shapes = {"a": {"kernel": {"loc": (3,), "rho": (3,)}}}
    with pytest.raises(ValueError, match=message):
        check_arrays("Owner", "parameters", {"a": {"kernel": kernel}}, shapes)


def test_arrays_of_some_layers_pass():
    layers = {"0": Activation("relu"), "1": LayerNorm(3)}
    check_layers("Owner", layers, {"1": {}}, {"0": {}})


def test_arrays_of_layers_that_are_not_there_are_refused():
    layers = {"0": Activation("relu"), "1": LayerNorm(3)}
    message = (
        r"^Owner expected parameters of layers \['1'\], got \['0', 'x'\] beside them\. "
        r"Make them with init\.$"
    )
    with pytest.raises(ValueError, match=message):
        check_layers("Owner", layers, {"x": {}, "1": {}, "0": {}}, {})
    message = (
        r"^Owner expected noise of layers \['0', '1'\], got \['2'\] beside them\. "
        r"Make them with draw\.$"
    )
    with pytest.raises(ValueError, match=message):
        check_layers("Owner", layers, {}, {"2": {}})


@pytest.mark.parametrize(
    ("value", "expected"),
    [(2, (2, 2, 2)), ((1, 2, 3), (1, 2, 3)), ([3, 2, 1], (3, 2, 1))],
)
def test_one_for_all_axes_or_one_for_each(value, expected):
    assert per_axis("Owner", "argument", value, 3) == expected
    assert per_axis("Owner", "argument", 0, 2, least=0) == (0, 0)


@pytest.mark.parametrize(("value", "rank"), [((1, 2), 3), ((), 1), ([1, 1], 1)])
def test_refuses_another_number_of_axes(value, rank):
    message = (
        f"^Owner expected `argument` with one integer or {rank}, one for each axis, "
        f"got {re.escape(repr(value))}."
    )
    with pytest.raises(ValueError, match=message):
        per_axis("Owner", "argument", value, rank)


def test_refuses_an_entry_below_the_least():
    with pytest.raises(ValueError, match=r"^Owner expected `argument` >= 1, got 0\.$"):
        per_axis("Owner", "argument", (1, 0), 2)
    with pytest.raises(ValueError, match=r"^Owner expected `argument` >= 0, got -1\.$"):
        per_axis("Owner", "argument", (1, -1), 2, least=0)
