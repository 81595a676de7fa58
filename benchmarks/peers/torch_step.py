"""The step in torch: autograd, fused Adam; eager, or its loss compiled."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from peers.problem import BETA1, BETA2, EPS, NUM_DATA, RATE, data, parameters
from torch import Tensor


def reparameterization(x: Tensor, loc: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    """Sample the weights."""
    return torch.addmm(bias, x, torch.addcmul(loc, scale, torch.randn_like(scale)))


def local(x: Tensor, loc: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    """Sample the outputs; the constant keeps the gradient of the root finite."""
    deviation = torch.sqrt(x.square() @ scale.square() + 1e-12)
    mean = torch.addmm(bias, x, loc)
    return torch.addcmul(mean, deviation, torch.randn_like(deviation))


def flipout(x: Tensor, loc: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    """Sample one perturbation, and signs for every example."""
    delta = scale * torch.randn_like(scale)
    perturbed = (x * signs(x.shape)) @ delta
    return torch.addcmul(torch.addmm(bias, x, loc), perturbed, signs(perturbed.shape))


def signs(shape: torch.Size) -> Tensor:
    """Draw -1 or 1, one bit each."""
    words = torch.randint(
        -(2**31), 2**31, (shape.numel() // 32 + 1, 1), dtype=torch.int32
    )
    bits = (words >> torch.arange(32, dtype=torch.int32)) & 1
    return bits.float().mul_(2).sub_(1).view(-1)[: shape.numel()].view(shape)


def make_step(estimator: str, compiled: bool) -> Callable[[], float]:
    """Return a function that takes one training step and returns the loss."""
    layer = globals()[estimator]
    x, targets = map(torch.from_numpy, data())
    params = [tuple(map(torch.tensor, arrays)) for arrays in parameters()]
    leaves = [leaf.requires_grad_() for arrays in params for leaf in arrays]
    adam = torch.optim.Adam(leaves, RATE, (BETA1, BETA2), EPS, fused=True)

    def objective() -> Tensor:
        h, kl = x, x.new_zeros(())
        for index, (loc, rho, bias) in enumerate(params):
            scale = F.softplus(rho)
            h = layer(F.relu(h) if index else h, loc, scale, bias)
            square = loc.square().sum() + scale.square().sum() - loc.numel()
            kl = kl + square / 2 - scale.log().sum()
        return F.cross_entropy(h, targets) + kl / NUM_DATA

    if compiled:
        objective = torch.compile(objective)

    def step() -> float:
        adam.zero_grad()
        loss = objective()
        loss.backward()
        adam.step()
        return loss.item()

    return step
