import numpy as np
import pytest
from scipy.special import log_softmax
from scipy.stats import multinomial
from support.likelihoods import call

import varlayers as vl
from varlayers.likelihoods import Categorical

INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
CATEGORICAL = Categorical()


def test_nll_is_scipys():
    rng = np.random.default_rng(0)
    outputs, targets = rng.normal(size=(6, 4)), rng.integers(4, size=6)
    p = np.exp(log_softmax(outputs, axis=1))
    one_hot = np.eye(4)[targets]
    desired = [
        -multinomial.logpmf(t, 1, row) for t, row in zip(one_hot, p, strict=True)
    ]
    np.testing.assert_allclose(CATEGORICAL.nll({}, outputs, targets), desired, 1e-13)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_every_integer_dtype_is_an_index(dtype, library):
    rng = np.random.default_rng(0)
    outputs, targets = rng.normal(size=(6, 4)), rng.integers(4, size=6)
    desired = CATEGORICAL.nll({}, outputs, targets)
    index = library.asarray(targets, dtype)
    actual = library.to_numpy(
        call(library, CATEGORICAL.nll, {}, library.asarray(outputs), index)
    )
    np.testing.assert_allclose(actual, desired, rtol=1e-14)


@pytest.mark.parametrize("dtype", ["bool", "int32", "uint8", "float32", "float64"])
def test_one_hot_rows_are_their_indices(dtype, library):
    rng = np.random.default_rng(0)
    outputs, targets = rng.normal(size=(3, 2, 4)), rng.integers(4, size=(3, 2))
    z, rows = library.asarray(outputs), library.asarray(np.eye(4)[targets], dtype)
    index = library.asarray(targets, "int64")
    by_rows = call(library, CATEGORICAL.value_and_grad, {}, z, rows)
    by_index = call(library, CATEGORICAL.value_and_grad, {}, z, index)
    for one, other in zip(by_rows[:2], by_index[:2], strict=True):
        np.testing.assert_array_equal(library.to_numpy(one), library.to_numpy(other))


def test_many_classes_need_no_wide_index():
    outputs = np.zeros((2, 1000))
    nll = CATEGORICAL.nll({}, outputs, np.asarray([3, 255], dtype=np.uint8))
    np.testing.assert_allclose(nll, np.log(1000), rtol=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_extreme_logits_are_exact(dtype, library):
    outputs = library.asarray(
        [[1e4, -1e4, 0], [1e4, -1e4, 0], [-1e4, -1e4, -1e4]], dtype
    )
    targets = library.asarray([0, 1, 2], "int64")
    nll = library.to_numpy(CATEGORICAL.nll({}, outputs, targets))
    _, dz, _ = CATEGORICAL.value_and_grad({}, outputs, targets)
    assert nll[0] == 0
    assert nll[1] == 2e4
    np.testing.assert_allclose(
        nll[2], np.log(3), rtol=1e-6 if dtype == "float32" else 1e-15
    )
    third = 1 / 3
    desired = [[0, 0, 0], [1, -1, 0], [third, third, -2 * third]]
    np.testing.assert_allclose(library.to_numpy(dz), desired, rtol=1e-6, atol=0)


def test_an_impossible_class_has_no_logit(library):
    outputs = library.asarray([[0.0, -np.inf, 0.0], [0.0, -np.inf, 0.0]])
    targets = library.asarray([2, 1], "int64")
    nll = library.to_numpy(CATEGORICAL.nll({}, outputs, targets))
    _, dz, _ = CATEGORICAL.value_and_grad({}, outputs, targets)
    np.testing.assert_allclose(nll, [np.log(2), np.inf], rtol=1e-15)
    np.testing.assert_allclose(library.to_numpy(dz)[0], [0.5, 0, -0.5], rtol=1e-15)


def test_a_row_of_zeros_leaves_its_example_out_and_weights_weigh():
    rng = np.random.default_rng(0)
    outputs, rows = rng.normal(size=(2, 3)), np.eye(3)[:2]
    whole = CATEGORICAL.nll({}, outputs, rows)
    weights = np.asarray([[0.0], [2.5]])
    nll = CATEGORICAL.nll({}, outputs, rows * weights)
    _, dz, _ = CATEGORICAL.value_and_grad({}, outputs, rows * weights)
    _, plain, _ = CATEGORICAL.value_and_grad({}, outputs, rows)
    np.testing.assert_allclose(nll, [0.0, 2.5 * whole[1]], rtol=1e-14)
    np.testing.assert_allclose(dz, plain * weights, rtol=1e-14, atol=1e-16)


@pytest.mark.parametrize("index", [-1, 3, 255])
def test_an_index_out_of_range_is_nan(index, library):
    outputs = library.asarray(np.zeros((2, 3)))
    targets = library.asarray([1, index], "int64")
    nll = library.to_numpy(CATEGORICAL.nll({}, outputs, targets))
    _, dz, _ = CATEGORICAL.value_and_grad({}, outputs, targets)
    assert np.array_equal(np.isnan(nll), [False, True])
    assert np.isnan(library.to_numpy(dz)[1]).all()


def test_mean_is_the_softmax_and_variance_that_of_an_indicator():
    outputs = np.asarray([[0.0, np.log(3.0)]])
    np.testing.assert_allclose(CATEGORICAL.mean({}, outputs), [[0.25, 0.75]], 1e-15)
    np.testing.assert_allclose(CATEGORICAL.variance({}, outputs), 0.1875, 1e-15)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_samples_of_certain_classes(dtype):
    outputs = np.tile(np.asarray([[-1e4, 1e4, -np.inf]], dtype), (5000, 1))
    assert np.all(CATEGORICAL.sample({}, outputs, vl.key(0)) == 1)


def test_float_indices_are_refused():
    with pytest.raises(
        TypeError,
        match=r"class indices `targets` of an integer dtype, got float64\. Rows of "
        r"probabilities have shape \(4, 3\)",
    ):
        CATEGORICAL.nll({}, np.zeros((4, 3)), np.zeros(4))


def test_boolean_indices_are_refused():
    with pytest.raises(TypeError, match="of an integer dtype, got bool"):
        CATEGORICAL.nll({}, np.zeros((4, 3)), np.zeros(4, bool))


def test_message_names_both_shapes():
    with pytest.raises(ValueError, match=r"shape \(4,\) or \(4, 3\), got \(4, 2\)"):
        CATEGORICAL.nll({}, np.zeros((4, 3)), np.zeros((4, 2)))
