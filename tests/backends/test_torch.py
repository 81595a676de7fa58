"""What is torch's own in its kernels: devices, graphs, and words in 64-bit lanes."""

import numpy as np
import pytest

from varlayers.dispatch import kernels_for
from varlayers.random import Native, key

torch = pytest.importorskip("torch")
X = torch.zeros(3)
K = kernels_for(X)


def test_words_are_unsigned_in_wider_lanes():
    words = K.words(key(0), 10_000, X)
    assert words.dtype == torch.int64
    assert 0 <= int(words.min()) < 2**20
    assert 2**32 - 2**20 < int(words.max()) < 2**32


@pytest.mark.parametrize("draw", ["uniform", "normal", "signs"])
def test_draws_follow_the_device(draw):
    like = torch.zeros(1, dtype=torch.float64, device="meta")
    drawn = getattr(K, draw)(key(0), (2, 3), like)
    assert drawn.device == like.device
    assert drawn.shape == (2, 3)


@pytest.mark.parametrize("draw", ["uniform", "normal"])
def test_draws_from_the_generator_are_torch_s(draw):
    drawn = getattr(K, draw)(Native(torch.Generator().manual_seed(4)), (5,), X)
    function = {"uniform": torch.rand, "normal": torch.randn}[draw]
    expected = function(5, generator=torch.Generator().manual_seed(4))
    assert torch.equal(drawn, expected)


def test_to_numpy_leaves_the_graph():
    x = torch.ones(2, requires_grad=True)
    np.testing.assert_array_equal(K.to_numpy(x), [1, 1])


def test_host_data_takes_dtype_and_device():
    for data in ([1, 2], np.array([1, 2]), np.array([1.0, 2.0])):
        like = torch.zeros(1, dtype=torch.float32, device="meta")
        made = K.asarray(data, like)
        assert made.dtype == torch.float32
        assert made.device == like.device


def test_special_functions_are_differentiable():
    for name in ("digamma", "erf", "gammaln", "ndtri", "log_softmax"):
        x = torch.tensor([0.3, 0.6], dtype=torch.float64, requires_grad=True)
        getattr(K, name)(x)[0].backward()
        assert torch.all(torch.isfinite(x.grad))
