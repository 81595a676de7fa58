"""What is NumPy's own in its kernels: arrays changed in place, and what falls back."""

import numpy as np
import pytest

from varlayers.kernels import Kernels
from varlayers.random import Native, key
from varlayers_backends import numpy_passes
from varlayers_backends.numpy import _LARGE, NumpyKernels

K = NumpyKernels()
ADAM = {
    "rate": 0.1,
    "beta1": 0.9,
    "beta2": 0.99,
    "eps": 1e-8,
    "decay": 0.1,
    "step": 3,
}
SGD = {"rate": 0.1, "momentum": 0.9, "nesterov": True, "decay": 0.1}


def weights(count, dtype="float32", shape=None):
    arrays = np.random.default_rng(0).uniform(0.1, 1, (count, 2 * _LARGE))
    return [array.astype(dtype).reshape(shape or -1) for array in arrays]


def add_kl(loc, scale, slope, dloc, drho):
    return K.add_kl_normal_(loc, scale, slope, 0.0, 1.0, 0.3, dloc, drho)


METHODS = {
    "add_kl_normal_": (add_kl, 5, (3, 4)),
    "adam_": (lambda *arrays: K.adam_(*arrays, **ADAM), 4, (0, 2, 3)),
    "sgd_": (lambda *arrays: K.sgd_(*arrays, **SGD), 3, (0, 2)),
    "sgd_, no velocity": (lambda *arrays: K.sgd_(*arrays, None, **SGD)[:1], 2, (0,)),
}


@pytest.mark.parametrize(("method", "count", "donated"), METHODS.values(), ids=METHODS)
def test_donated_arrays_come_back(method, count, donated):
    arrays = weights(count, shape=(64, -1))
    before = [array.copy() for array in arrays]
    results = method(*arrays)[-len(donated) :]
    for index, result in zip(donated, results, strict=True):
        assert result is arrays[index]
        assert not np.array_equal(result, before[index])


@pytest.mark.parametrize(("method", "count", "donated"), METHODS.values(), ids=METHODS)
@pytest.mark.parametrize("spoil", ["readonly", "transposed", "strided"])
def test_donated_arrays_that_cannot_be_changed_are_copied(
    method, count, donated, spoil
):
    arrays = weights(count, shape=(64, -1))
    desired = [array.copy() for array in method(*(array.copy() for array in arrays))]
    spoilt = list(arrays)
    for index in donated:
        if spoil == "readonly":
            spoilt[index].flags.writeable = False
        elif spoil == "transposed":
            spoilt[index] = np.asfortranarray(arrays[index])
        else:
            spoilt[index] = np.repeat(arrays[index], 2, axis=1)[:, ::2]
    before = [array.copy() for array in spoilt]
    results = method(*spoilt)
    for result, expected in zip(results, desired, strict=True):
        np.testing.assert_array_equal(result, expected)
    assert all(map(np.array_equal, spoilt, before))


@pytest.mark.parametrize(("method", "count", "donated"), METHODS.values(), ids=METHODS)
def test_mixed_dtypes_and_shapes_go_to_the_generic_body(method, count, donated):
    arrays = weights(count, "float64", shape=(64, -1))
    mixed = [arrays[0], arrays[1].astype("float32"), *arrays[2:]]
    assert all(np.asarray(result).dtype == "float64" for result in method(*mixed))
    column = arrays[1][:, :1]
    full = [arrays[0], np.repeat(column, arrays[0].shape[1], axis=1), *arrays[2:]]
    expected = [np.copy(result) for result in method(*(x.copy() for x in full))]
    for result, other in zip(
        method(arrays[0], column, *arrays[2:]), expected, strict=True
    ):
        np.testing.assert_allclose(result, other, rtol=1e-13, atol=1e-13)


def test_fast_bodies_take_large_arrays_of_two_dtypes(monkeypatch):
    calls = []
    monkeypatch.setattr(numpy_passes, "softplus", lambda x, *_: calls.append(x.dtype))
    for dtype in ("float16", "float32", "float64", "longdouble"):
        for size in (_LARGE - 1, _LARGE):
            K.softplus(np.zeros(size, dtype))
    assert calls == ["float32", "float64"]


@pytest.mark.parametrize("size", [3, 2 * _LARGE])
def test_zero_scale_is_silent(size):
    loc, scale, slope, dloc, drho = (
        np.full(size, value) for value in (1.0, 0, 0, 2, 3)
    )
    kl, dloc, drho = add_kl(loc, scale, slope, dloc, drho)
    assert kl == np.inf
    np.testing.assert_allclose(dloc, 2 + 0.3)
    np.testing.assert_allclose(drho, 3 - 0.3)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_prior_does_not_change_the_dtype(dtype):
    loc, scale, slope, dloc, drho = weights(5, dtype)
    prior = (np.float64(0.5), np.full(loc.size, 2.0))
    results = K.add_kl_normal_(loc, scale, slope, *prior, np.float64(1), dloc, drho)
    assert all(result.dtype == dtype for result in results)


@pytest.mark.parametrize("width", [1, 10, 64, 65, 300])
def test_log_softmax_over_short_and_long_rows(width):
    logits = np.random.default_rng(0).normal(scale=30, size=(4, 5, width))
    logits[0] = -1e30
    logits[1, 2, 0] = 1e30
    before = logits.copy()
    actual = K.log_softmax(logits)
    np.testing.assert_allclose(
        actual, Kernels(np).log_softmax(logits), rtol=1e-14, atol=1e-14
    )
    np.testing.assert_allclose(np.sum(np.exp(actual), axis=-1), 1, rtol=1e-12)
    assert np.array_equal(logits, before)


@pytest.mark.parametrize("draw", ["uniform", "normal"])
def test_half_precision_from_a_generator(draw):
    like = np.zeros(1, "float16")
    source = Native(np.random.default_rng(0))
    assert getattr(K, draw)(source, (3,), like).dtype == "float16"


def test_single_precision_is_drawn_as_such():
    like = np.zeros(1, "float32")
    drawn = K.normal(Native(np.random.default_rng(5)), (7,), like)
    expected = np.random.default_rng(5).standard_normal(7, "float32")
    np.testing.assert_array_equal(drawn, expected)


@pytest.mark.parametrize("draw", ["uniform", "normal", "signs"])
def test_legacy_generator_is_refused(draw):
    generator = np.random.RandomState(0)
    message = r"^NumpyKernels\(numpy\) cannot draw from RandomState\. Draw from a key"
    with pytest.raises(NotImplementedError, match=message):
        getattr(K, draw)(Native(generator), (2,), np.zeros(1))


def test_to_numpy_is_free():
    x = np.zeros(3)
    assert K.to_numpy(x) is x


def test_scalars_are_arrays_too():
    x = np.float32(0.5)
    assert K.softplus(x)[0] == pytest.approx(np.log1p(np.exp(0.5)))
    assert K.normal(key(0), (), x).shape == ()
