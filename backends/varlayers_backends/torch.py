"""Kernels for torch tensors: the standard's gaps, filled by torch's own functions."""

import math
from typing import Any

import torch
from array_api_compat import torch as xp
from torch import Tensor

from varlayers.random import Key, threefry
from varlayers.types import Shape
from varlayers.windows import Window
from varlayers_backends import torch_convolution, torch_pooling
from varlayers_backends.convolving import ConvolvingKernels

__all__ = ["TorchKernels"]

_MASK = 0xFFFFFFFF


class TorchKernels(ConvolvingKernels):
    """torch lacks 32-bit unsigned shifts: words live in 64-bit lanes until the end."""

    def __init__(self) -> None:
        super().__init__(xp)

    def asarray(self, data: Any, like: Tensor) -> Tensor:
        return torch.tensor(data, dtype=like.dtype, device=like.device)

    def to_numpy(self, x: Tensor) -> Any:
        return x.detach().cpu().numpy()

    def words(self, key: Key, count: int, like: Tensor) -> Tensor:
        pairs = (count + 1) // 2
        j = torch.arange(pairs, dtype=torch.int64, device=like.device)
        x0, x1 = threefry(
            key, j, torch.zeros_like(j), rounds=13, wrap=lambda word: word & _MASK
        )
        return torch.stack([x0, x1], dim=1).reshape(-1)[:count]

    def native_uniform(
        self, generator: torch.Generator, shape: Shape, like: Tensor
    ) -> Tensor:
        return torch.rand(
            shape, generator=generator, dtype=like.dtype, device=like.device
        )

    def native_normal(
        self, generator: torch.Generator, shape: Shape, like: Tensor
    ) -> Tensor:
        return torch.randn(
            shape, generator=generator, dtype=like.dtype, device=like.device
        )

    def erf(self, x: Tensor) -> Tensor:
        return torch.special.erf(x)

    def gammaln(self, x: Tensor) -> Tensor:
        return torch.special.gammaln(x)

    def digamma(self, x: Tensor) -> Tensor:
        return torch.special.digamma(x)

    def ndtri(self, x: Tensor) -> Tensor:
        return torch.special.ndtri(x)

    def log_softmax(self, logits: Tensor) -> Tensor:
        return torch.log_softmax(logits, dim=-1)

    def convolver(self, window: Window, *arrays: Tensor) -> Any:
        return torch_convolution if torch_convolution.knows(window) else None

    def max_pool(
        self, x: Tensor, filter_shape: Shape, window: Window
    ) -> tuple[Tensor, Tensor]:
        if not torch_pooling.knows(filter_shape):
            return super().max_pool(x, filter_shape, window)
        padded = self._pads(x, window, -math.inf)
        return torch_pooling.max_pool(padded, filter_shape, window)

    def max_pool_backward(
        self,
        dy: Tensor,
        index: Tensor,
        x_shape: Shape,
        filter_shape: Shape,
        window: Window,
    ) -> Tensor:
        if not torch_pooling.knows(filter_shape):
            return super().max_pool_backward(dy, index, x_shape, filter_shape, window)
        padded = [n + sum(p) for n, p in zip(x_shape[1:-1], window.pads, strict=True)]
        shape = (x_shape[0], *padded, x_shape[-1])
        dx = torch_pooling.max_pool_backward(dy, index, shape, filter_shape, window)
        cuts = tuple((-low, -high) for low, high in window.pads)
        return self._pads(dx, window._replace(pads=cuts))

    def adam_(
        self,
        param: Tensor,
        grad: Tensor,
        m: Tensor,
        v: Tensor,
        *,
        rate: float,
        beta1: float,
        beta2: float,
        eps: float,
        decay: float,
        step: int,
    ) -> tuple[Tensor, Tensor, Tensor]:
        m.mul_(beta1).add_(grad, alpha=1 - beta1)
        v.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
        root = (v / (1 - beta2**step)).sqrt_().add_(eps)
        param.mul_(1 - rate * decay)
        return param.addcdiv_(m, root, value=-rate / (1 - beta1**step)), m, v

    def sgd_(
        self,
        param: Tensor,
        grad: Tensor,
        velocity: Tensor | None,
        *,
        rate: float,
        momentum: float,
        nesterov: bool,
        decay: float,
    ) -> tuple[Tensor, Tensor | None]:
        grad = grad.add(param, alpha=decay) if decay else grad
        if velocity is None:
            return param.sub_(grad, alpha=rate), None
        velocity.mul_(momentum).add_(grad)
        move = grad.add(velocity, alpha=momentum) if nesterov else velocity
        return param.sub_(move, alpha=rate), velocity
