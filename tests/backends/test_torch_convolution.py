"""What is torch's own in its convolutions; the parity tests hold their numbers."""

import numpy as np
import pytest
from support.convolutions import CONVOLUTIONS, arrays_of

torch = pytest.importorskip("torch")

from varlayers_backends import torch_convolution  # noqa: E402


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_ranks_up_to_three_are_torchs(name):
    *_, window = arrays_of(name, 1, np.random.default_rng(0))
    assert torch_convolution.knows(window) == (name != "four axes")


@pytest.mark.parametrize("name", ["both", "grouped", "cut", "three axes"])
def test_torch_can_differentiate_every_way(name):
    x, w, dy, window = arrays_of(name, 2, np.random.default_rng(0))
    xt, wt, dyt = (torch.tensor(a, requires_grad=True) for a in (x, w, dy))
    for function, arguments in (
        (lambda x, w: torch_convolution.conv(x, w, window), (xt, wt)),
        (lambda d, w: torch_convolution.adjoint_x(d, w, x.shape, window), (dyt, wt)),
        (lambda x, d: torch_convolution.adjoint_w(x, d, w.shape, window), (xt, dyt)),
    ):
        assert torch.autograd.gradcheck(function, arguments, fast_mode=True)
