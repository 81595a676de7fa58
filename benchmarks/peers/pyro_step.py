"""Pyro's HiddenLayer, its local reparameterization, in a torch loop with fused Adam.

Drawn from directly, without the handlers around it, which only cost time. It holds
batch x inputs x outputs numbers per layer, so large networks do not fit.
"""

import math
from collections.abc import Callable
from typing import Any

import pyro
import torch
import torch.nn.functional as F
from pyro.contrib.bnn import HiddenLayer
from torch import Tensor

from benchmarks.peers import torch_step
from benchmarks.workloads import Unsupported, Workload

LARGEST = 2e9  # bytes of one such array


def describe() -> str:
    """Return the versions."""
    return f"Pyro {pyro.__version__}, torch {torch.__version__}"


def make_step(workload: Workload, estimator: str, mode: str) -> Callable[[], Any]:
    """Return the function to time."""
    check(workload, estimator)
    params, (x, targets) = torch_step.parameters(workload), workload.data()

    def objective(x: Tensor, targets: Tensor) -> Tensor:
        total = torch.zeros(())
        for layer, (loc, rho, bias) in zip(workload.layers, params, strict=True):
            hidden = HiddenLayer(
                x,
                loc,
                F.softplus(rho),
                non_linearity=lambda a, b=bias, of=layer: torch_step.followed(
                    of, a + b
                ),
                include_hidden_bias=False,
            )
            x, total = hidden.rsample(), total + hidden.KL
        return torch_step.nll(workload, x, targets) + total / workload.num_data

    leaves = [leaf for arrays in params for leaf in arrays]
    arrays = torch.from_numpy(x), torch.from_numpy(targets)
    return torch_step.training_step(objective, leaves, *arrays)


def check(workload: Workload, estimator: str) -> None:
    """Raise unless HiddenLayer can do it."""
    if estimator != "local" or workload.what != "step":
        msg = "Pyro's HiddenLayer is run for training steps with local"
        raise Unsupported(msg)
    if any(layer.filter for layer in workload.layers):
        msg = "Pyro has no convolutional layer"
        raise Unsupported(msg)
    weights = max(math.prod(layer.kernel_shape) for layer in workload.layers)
    size = 4 * workload.batch * weights
    if size > LARGEST:
        msg = f"it makes arrays of batch x inputs x outputs, {size / 1e9:.1f} GB each"
        raise Unsupported(msg)
