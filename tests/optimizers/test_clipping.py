"""Clipping by the global norm: against NumPy, torch and optax, and at the corners."""

import numpy as np
import pytest
from support.descent import assert_close, descend, gradient, start, to_host

from varlayers.optimizers import SGD, Adam, Clip, clip_by_global_norm
from varlayers.tree import leaves, map_leaves


def flat(tree):
    return np.concatenate([np.ravel(leaf) for leaf in leaves(tree)])


GRADS = gradient(start(), 0)
NORM = np.linalg.norm(flat(GRADS))


def test_short_gradients_pass_to_the_bit(library):
    clipped, norm = clip_by_global_norm(library.tree(GRADS), float(NORM) * 1.001)
    assert_close(to_host(library, clipped), GRADS, 0)
    np.testing.assert_allclose(library.to_numpy(norm), NORM, rtol=1e-14)


def test_long_gradients_keep_their_direction(library):
    grads = library.tree(GRADS)
    clipped, norm = clip_by_global_norm(grads, 0.25)
    np.testing.assert_allclose(library.to_numpy(norm), NORM, rtol=1e-14)
    host = to_host(library, clipped)
    np.testing.assert_allclose(flat(host), flat(GRADS) * 0.25 / NORM, rtol=1e-14)
    assert_close(to_host(library, grads), GRADS, 0)


def test_equals_torch():
    torch = pytest.importorskip("torch")
    tensors = [torch.zeros(leaf.shape, dtype=torch.float64) for leaf in leaves(GRADS)]
    for tensor, grad in zip(tensors, leaves(GRADS), strict=True):
        tensor.grad = torch.tensor(grad)
    norm = torch.nn.utils.clip_grad_norm_(tensors, 0.25)
    clipped, ours = clip_by_global_norm(GRADS, 0.25)
    np.testing.assert_allclose(ours, norm.numpy(), rtol=1e-14)
    theirs = np.concatenate([np.ravel(tensor.grad.numpy()) for tensor in tensors])
    np.testing.assert_allclose(flat(clipped), theirs, rtol=1e-5)  # torch adds 1e-6


@pytest.mark.parametrize("max_norm", [0.25, 100.0])
def test_equals_optax_inside_jit(max_norm):
    jax, optax = pytest.importorskip("jax"), pytest.importorskip("optax")
    jax.config.update("jax_enable_x64", True)
    grads = jax.tree.map(jax.numpy.asarray, GRADS)
    theirs, _ = optax.clip_by_global_norm(max_norm).update(grads, optax.EmptyState())
    ours, norm = jax.jit(clip_by_global_norm)(grads, max_norm)
    assert_close(jax.tree.map(np.asarray, ours), theirs, 1e-14)
    np.testing.assert_allclose(norm, NORM, rtol=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_zero_gradients_stay_zero(library, dtype):
    grads = library.tree({"a": np.zeros(3), "b": {"c": np.zeros(())}}, dtype)
    clipped, norm = clip_by_global_norm(grads, 1.0)
    assert float(library.to_numpy(norm)) == 0
    assert_close(to_host(library, clipped), {"a": np.zeros(3), "b": {"c": 0.0}}, 0)


@pytest.mark.parametrize(("dtype", "size"), [("float32", 1e30), ("float64", 1e250)])
def test_squares_do_not_overflow(library, dtype, size):
    grads = library.tree({"a": [3 * size, 0.0], "b": [-4 * size]}, dtype)
    clipped, norm = clip_by_global_norm(grads, 10.0)
    np.testing.assert_allclose(library.to_numpy(norm), 5 * size, rtol=1e-6)
    host = to_host(library, clipped)
    np.testing.assert_allclose(flat(host), [6, 0, -8], rtol=1e-6)


@pytest.mark.parametrize(("dtype", "size"), [("float32", 1e-30), ("float64", 1e-250)])
def test_squares_do_not_underflow(library, dtype, size):
    grads = library.tree({"a": [3 * size, 0.0], "b": [-4 * size]}, dtype)
    clipped, norm = clip_by_global_norm(grads, 10 * size)
    np.testing.assert_allclose(library.to_numpy(norm), 5 * size, rtol=1e-6)
    assert_close(to_host(library, clipped), to_host(library, grads), 0)


def test_a_norm_beyond_the_largest_number_is_still_clipped(library):
    grads = library.tree({"a": [3e38, -3e38]}, "float32")
    with np.errstate(over="ignore"):
        clipped, norm = clip_by_global_norm(grads, 20.0)
    assert library.to_numpy(norm) == np.inf
    root = np.sqrt(200)
    np.testing.assert_allclose(library.to_numpy(clipped["a"]), [root, -root], rtol=1e-5)


def test_an_infinite_entry_is_seen(library):
    grads = library.tree({"a": [1.0, -np.inf], "b": [2.0]})
    with np.errstate(invalid="ignore"):
        clipped, norm = clip_by_global_norm(grads, 1.0)
    assert library.to_numpy(norm) == np.inf
    assert_close(to_host(library, clipped), {"a": [0, np.nan], "b": [0]}, 0)


def test_a_nan_entry_is_seen(library):
    grads = library.tree({"a": [1.0, np.nan], "b": [2.0]})
    clipped, norm = clip_by_global_norm(grads, 1.0)
    assert np.isnan(library.to_numpy(norm))
    assert_close(to_host(library, clipped), {"a": [np.nan, np.nan], "b": [np.nan]}, 0)


def test_dtypes_may_differ_between_leaves():
    grads = {"a": np.array([3.0], "float32"), "b": np.array([4.0])}
    clipped, norm = clip_by_global_norm(grads, 1.0)
    assert norm == pytest.approx(5)
    assert clipped["a"].dtype == np.float32
    assert clipped["b"].dtype == np.float64
    np.testing.assert_allclose(flat(clipped), [0.6, 0.8], rtol=1e-7)


def test_empty_arrays_and_no_arrays(library):
    grads = library.tree({"a": np.zeros((0, 2)), "b": [3.0, 4.0]})
    clipped, norm = clip_by_global_norm(grads, 1.0)
    assert clipped["a"].shape == (0, 2)
    np.testing.assert_allclose(library.to_numpy(norm), 5.0)
    assert clip_by_global_norm({"a": {}}, 1.0) == ({"a": {}}, 0.0)


@pytest.mark.parametrize("inner", [SGD(0.1, momentum=0.9), Adam(0.1)], ids=str)
def test_clip_is_clipping_and_then_the_optimizer(inner):
    params, state = start(), inner.init(start())
    for step in range(5):
        grads, _ = clip_by_global_norm(gradient(params, step), 0.5)
        params, state = inner.update(grads, state, params)
    clipped, clipped_state = descend(Clip(inner, 0.5), 5)
    assert_close(clipped, params, 0)
    assert_close(clipped_state, state, 0)


def test_clip_bounds_the_step():
    before, grads = start(), map_leaves(lambda leaf: 1e3 * leaf, GRADS)
    after, _ = Clip(SGD(1.0), 0.5).update(grads, {"step": 0}, start())
    step = np.linalg.norm(flat(after) - flat(before))
    assert step == pytest.approx(0.5, rel=1e-12)


@pytest.mark.parametrize("max_norm", [0.0, -1.0, float("nan")])
def test_range_of_the_norm(max_norm):
    with pytest.raises(
        ValueError, match=f"^Clip expected `max_norm` > 0, got {max_norm}.$"
    ):
        Clip(SGD(0.1), max_norm)


def test_kind_of_the_norm():
    with pytest.raises(
        TypeError, match=r"^Clip expected a number `max_norm`, got None\.$"
    ):
        Clip(SGD(0.1), None)
