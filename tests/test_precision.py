"""Arrays of 16 bits: drawn in float32, predicted with, and not trained."""

import numpy as np
import pytest

import varlayers as vl
from varlayers.dispatch import kernels_for
from varlayers.estimators import ESTIMATORS
from varlayers.kernels import Kernels
from varlayers.precision import is_half, widened
from varlayers.tree import map_leaves

HALVES = [("jax", "bfloat16"), ("jax", "float16"), ("numpy", "float16")]
HALVES += [("torch", "bfloat16"), ("torch", "float16")]
BITS = {"float16": 11, "bfloat16": 8}  # that a number has


@pytest.fixture(params=HALVES, ids="-".join)
def like(request):
    """An array of 16 bits."""
    name, dtype = request.param
    if name == "numpy":
        return np.zeros(3, dtype)
    xp = pytest.importorskip({"jax": "jax.numpy"}.get(name, name))
    return xp.zeros(3, dtype=getattr(xp, dtype))


def dtype_of(x):
    return str(x.dtype).removeprefix("torch.")


def host(x):
    """Return x as NumPy's float32."""
    k = kernels_for(x)
    return np.asarray(k.to_numpy(k.xp.astype(x, k.xp.float32)))


def test_only_these_are_widened(like):
    xp = kernels_for(like).xp
    assert is_half(xp, like.dtype)
    assert widened(xp, like).dtype == xp.float32
    for dtype in (np.float32, np.float64):
        x = np.zeros(3, dtype)
        assert not is_half(np, x.dtype)
        assert widened(np, x) is x


def test_normals_are_those_of_float32_rounded(like):
    drawn = kernels_for(like).normal(vl.key(3), (1000,), like)
    assert drawn.dtype == like.dtype
    exact = Kernels(np).normal(vl.key(3), (1000,), np.zeros(0, np.float32))
    half_unit = 2.0 ** -BITS[dtype_of(like)]
    np.testing.assert_allclose(host(drawn), exact, rtol=1.01 * half_unit)


def test_uniforms_are_the_upper_bits_of_the_words(like):
    k, bits = kernels_for(like), BITS[dtype_of(like)]
    drawn = k.uniform(vl.key(3), (1000,), like)
    assert drawn.dtype == like.dtype
    words = Kernels(np).words(vl.key(3), 1000, np.zeros(0))
    np.testing.assert_array_equal(host(drawn), (words >> (32 - bits)) * 2.0**-bits)


MODELS = {
    estimator: vl.Sequential(
        [
            vl.Convolution(1, 4, 3, estimator=estimator),
            vl.Activation("relu"),
            vl.MaxPool(2),
            vl.Flatten(),
            vl.Dense(12, 3, estimator=estimator),
        ]
    )
    for estimator in ESTIMATORS
}


@pytest.mark.parametrize("estimator", MODELS)
def test_predictions_are_close_to_those_of_float32(like, estimator):
    k = kernels_for(like)
    elbo = vl.ELBO(MODELS[estimator], vl.Categorical(), num_data=8)
    single = elbo.init(vl.key(0), like=np.zeros(0, np.float32))
    x = np.random.default_rng(0).uniform(size=(5, 8, 1)).astype(np.float32)
    expected = vl.predict(elbo, single, x, key=vl.key(1), num_samples=20)
    half = map_leaves(lambda leaf: k.asarray(leaf, like), single)
    actual = vl.predict(elbo, half, k.asarray(x, like), key=vl.key(1), num_samples=20)
    error = 4 * 2.0 ** -BITS[dtype_of(like)]
    for one, other in zip(actual[:7], expected[:7], strict=True):
        assert one.dtype == k.xp.float32
        np.testing.assert_allclose(host(one), other, atol=error)


@pytest.mark.parametrize("adam", [vl.Adam(), vl.AdamW()])
def test_moments_are_refused(like, adam):
    name = type(adam).__name__
    message = rf"^{name} expected parameters .* got .*float16 for 'a\.b': squares"
    with pytest.raises(TypeError, match=message):
        adam.init({"a": {"b": like}})
