"""Compiled passes at their corners; the parity tests hold them to the generic ones."""

import math

import numpy as np
import pytest

pytest.importorskip("numba")

from varlayers_backends import numba_outputs
from varlayers_backends.numba_threads import ALONE, team

DTYPES = ("float32", "float64")


def test_local_noise_backward_without_variance_is_zero():
    s = np.array([0, 2], np.float32)
    out = np.empty_like(s)
    numba_outputs.local_noise_backward(ALONE, s, s + 1, s + 1, out)
    np.testing.assert_array_equal(out, [0, 2.25])


@pytest.mark.parametrize("dtype", DTYPES)
def test_log_softmax_of_infinite_logits(dtype):
    z = [[0, -math.inf, -1e3], [math.nan, 0, 0], [2, math.nan, 0], [0, math.inf, 0]]
    z = np.array([*z, [-math.inf] * 3], dtype)
    out = np.empty_like(z)
    numba_outputs.log_softmax(ALONE, z, out)
    np.testing.assert_array_equal(out[0], [0, -math.inf, -1e3])
    assert np.isnan(out[1:]).all()


def cross_entropy(z, t, threads=ALONE):
    value, gradient = np.full(len(z), math.nan, z.dtype), np.full_like(z, math.nan)
    numba_outputs.cross_entropy(threads, z, t, value, gradient)
    return value, gradient


@pytest.mark.parametrize("dtype", DTYPES)
def test_cross_entropy_at_its_corners(dtype):
    inf, nan = math.inf, math.nan
    z = [[0, -inf, 0], [0, -inf, 0], [nan, 0, 0], [9, 8, 7], [1e4, 0, 0], [2, nan, 0]]
    t = [[1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 0], [1, 0, 0], [0, 0, 0]]
    value, gradient = cross_entropy(np.array(z, dtype), np.array(t, dtype))
    np.testing.assert_allclose(value, [math.log(2), inf, nan, 0, 0, 0], rtol=1e-6)
    np.testing.assert_allclose(gradient[0], [-0.5, 0, 0.5], rtol=1e-6)
    np.testing.assert_allclose(gradient[1], [0.5, -1, 0.5], rtol=1e-6)
    np.testing.assert_array_equal(gradient[3:5], 0)
    assert np.isnan(gradient[[2, 5]]).all()


@pytest.mark.parametrize("width", [1, 2, 10, 300])
def test_cross_entropy_is_what_torch_differentiates(width):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    z, t = 5 * rng.standard_normal((40, width)), rng.uniform(0, 1, (40, width))
    t[rng.uniform(size=t.shape) < 0.3] = 0
    logits = torch.tensor(z, requires_grad=True)
    desired = -(torch.tensor(t) * torch.log_softmax(logits, dim=-1)).sum(dim=-1)
    desired.sum().backward()
    value, gradient = cross_entropy(z, t)
    np.testing.assert_allclose(value, desired.detach(), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(gradient, logits.grad, rtol=1e-12, atol=1e-12)


def test_threads_give_the_cross_entropy_that_one_gives():
    rng = np.random.default_rng(0)
    z, t = rng.uniform(0, 1, (2, 20_001, 10)).astype(np.float32)
    for shared, alone in zip(
        cross_entropy(z, t, team(2)), cross_entropy(z, t), strict=True
    ):
        np.testing.assert_array_equal(shared, alone)


@pytest.mark.parametrize("dtype", DTYPES)
def test_channels_are_summed_into_what_held_anything(dtype):
    dy = np.random.default_rng(0).standard_normal((25, 3)).astype(dtype)
    sums, total = np.full((3, 3), math.nan, dtype), np.full(3, math.nan, dtype)
    numba_outputs.sum_channels(ALONE, dy, sums, total, 10)
    desired = [dy[:10].sum(axis=0), dy[10:20].sum(axis=0), dy[20:].sum(axis=0)]
    limit = 16 * np.finfo(dtype).eps * np.abs(dy).sum(axis=0).max()
    np.testing.assert_allclose(sums, desired, atol=limit)
    np.testing.assert_allclose(total, dy.sum(axis=0), atol=limit)
