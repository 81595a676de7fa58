"""What is torch's own in its max pooling: from its entries to offsets and back.

The parity tests hold its numbers.
"""

import numpy as np
import pytest
from support.poolings import POOLINGS, arrays_of

torch = pytest.importorskip("torch")

from varlayers.kernels import Kernels  # noqa: E402
from varlayers_backends import torch_pooling  # noqa: E402
from varlayers_backends.torch import TorchKernels  # noqa: E402

GENERIC, K = Kernels(np), TorchKernels()
KNOWN = sorted(POOLINGS.keys() - {"more than a byte", "four axes"})


@pytest.mark.parametrize("name", POOLINGS)
def test_knows_up_to_three_axes_and_a_byte(name):
    assert torch_pooling.knows(POOLINGS[name][1]) == (name in KNOWN)


@pytest.mark.parametrize("name", KNOWN)
def test_offsets_stand_for_the_entries_that_torch_names(name):
    space, filter_shape, window = POOLINGS[name]
    padded = [n + sum(pads) for n, pads in zip(space, window.pads, strict=True)]
    rank, lengths = len(space), np.array(padded)
    x = np.arange(lengths.prod(), dtype=np.float64).reshape(padded)
    parts = GENERIC._slide(
        x[None, ..., None], filter_shape, window._replace(pads=((0, 0),) * rank)
    )
    out = parts[0].shape[1:-1]
    start, step = torch_pooling._entries(
        padded, out, filter_shape, window.strides, window.dilations
    )
    for part, along in zip(parts, step, strict=True):
        np.testing.assert_array_equal(part[0, ..., 0], (start + along).numpy())


@pytest.mark.parametrize("name", KNOWN)
def test_a_window_of_the_least_number_has_an_offset_inside(name):
    x, dy, *pool = arrays_of(name, 2, np.random.default_rng(0))
    least = torch.full(x.shape, -torch.inf, dtype=torch.float64)
    y, index = K.max_pool(least, *pool)
    assert torch.equal(y, torch.full(dy.shape, -torch.inf, dtype=torch.float64))
    assert int(index.max()) < np.prod(pool[0])
    assert K.max_pool_backward(y * 0 + 1, index, x.shape, *pool).shape == x.shape


def test_autograd_goes_through():
    x = torch.randn(2, 5, 5, 3, dtype=torch.float64, requires_grad=True)
    pool = POOLINGS["overlapping"][1:]
    y, index = K.max_pool(x, *pool)
    (dx,) = torch.autograd.grad(y.sum(), x)
    ours = K.max_pool_backward(torch.ones_like(y), index, tuple(x.shape), *pool)
    torch.testing.assert_close(ours, dx, rtol=0, atol=1e-12)
