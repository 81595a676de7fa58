"""Kernels for torch tensors: the standard's gaps, filled by torch's own functions."""

from typing import Any

import torch
from array_api_compat import torch as xp
from torch import Tensor

from varlayers.kernels import Kernels
from varlayers.random import Key, threefry
from varlayers.types import Shape

__all__ = ["TorchKernels"]

_MASK = 0xFFFFFFFF


class TorchKernels(Kernels):
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

    def ndtri(self, x: Tensor) -> Tensor:
        return torch.special.ndtri(x)

    def log_softmax(self, logits: Tensor) -> Tensor:
        return torch.log_softmax(logits, dim=-1)
