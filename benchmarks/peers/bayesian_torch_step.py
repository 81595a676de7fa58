"""bayesian-torch's layers in a torch training loop with fused Adam.

The fastest form known: channels last in memory, its layers' divergence from the forward
pass, eager or compiled. Its divergence is a mean over the weights, here multiplied back
to the sum; its biases have posteriors, so the point biases are added outside. Flipout's
signs are one per element, not one per example and channel, for that is how it is made.
"""

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import torch
from bayesian_torch import layers as bayesian
from torch import Tensor

from benchmarks.peers import torch_step
from benchmarks.workloads import Layer, Unsupported, Workload

SUFFIX = {"reparameterization": "Reparameterization", "flipout": "Flipout"}
# Those of the library; one of its layers insists on them.
DEFAULTS = {
    "prior_mean": 0,
    "prior_variance": 1,
    "posterior_mu_init": 0,
    "posterior_rho_init": -3.0,
}


class Biased(torch.nn.Module):
    """A layer of the library and a bias."""

    def __init__(self, layer: Layer, estimator: str, numbers: Any) -> None:
        super().__init__()
        loc, rho, bias = numbers
        if not layer.filter:
            loc, rho = loc.detach().T.contiguous(), rho.detach().T.contiguous()
        self.inner = built(layer, estimator)
        kind = "kernel" if layer.filter else "weight"
        setattr(self.inner, f"mu_{kind}", torch.nn.Parameter(loc))
        setattr(self.inner, f"rho_{kind}", torch.nn.Parameter(rho))
        self.inner.prior_weight_mu = torch.zeros_like(loc)
        self.inner.prior_weight_sigma = torch.ones_like(loc)
        self.leaves = [getattr(self.inner, f"{name}_{kind}") for name in ("mu", "rho")]
        self.bias = torch.nn.Parameter(bias.view(-1, *[1] * len(layer.filter)))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return output and divergence."""
        y, kl = self.inner(x)
        return y + self.bias, kl * self.leaves[0].numel()

    def output(self, x: Tensor) -> Tensor:
        """Return the output alone."""
        return self.inner(x, return_kl=False) + self.bias


def describe() -> str:
    """Return the versions."""
    return f"bayesian-torch {version('bayesian-torch')}, torch {torch.__version__}"


def built(layer: Layer, estimator: str) -> Any:
    """Return the library's layer without a bias."""
    if estimator not in SUFFIX:
        msg = f"bayesian-torch has no {estimator} reparameterization"
        raise Unsupported(msg)
    channels, settings = (layer.inputs, layer.outputs), {"bias": False, **DEFAULTS}
    if not layer.filter:
        return getattr(bayesian, f"Linear{SUFFIX[estimator]}")(*channels, **settings)
    transposed, rank = "Transpose" * layer.transposed, len(layer.filter)
    kind = getattr(bayesian, f"Conv{transposed}{rank}d{SUFFIX[estimator]}")
    size, (start, end) = layer.filter[0], layer.crop
    if not layer.transposed:
        return kind(*channels, size, padding=size // 2, **settings)
    settings |= {"stride": layer.stride, "output_padding": start - end}
    return kind(*channels, size, padding=start, **settings)


def make_step(workload: Workload, estimator: str, mode: str) -> Callable[[], Any]:
    """Return the function to time."""
    if workload.what == "fit":
        msg = "bayesian-torch has no loop of its own: see tiny"
        raise Unsupported(msg)
    numbers = torch_step.parameters(workload)
    layers = torch.nn.ModuleList(
        Biased(layer, estimator, arrays)
        for layer, arrays in zip(workload.layers, numbers, strict=True)
    )
    if workload.what == "layer":
        return layer_step(workload, layers[0], mode)
    if workload.what == "predict":
        return predict_step(workload, layers, mode)

    def objective(x: Tensor, targets: Tensor) -> Tensor:
        total = torch.zeros(())
        for layer, module in zip(workload.layers, layers, strict=True):
            x, kl = module(x)
            total = total + kl
            x = torch_step.followed(layer, x)
        return torch_step.nll(workload, x, targets) + total / workload.num_data

    x, targets = workload.data()
    return torch_step.training_step(
        torch_step.compiled(objective, mode),
        list(layers.parameters()),
        torch_step.channels_first(x),
        torch.from_numpy(targets),
    )


def layer_step(workload: Workload, module: Biased, mode: str) -> Any:
    """Return forward and backward of a single layer."""
    x, dy = map(torch_step.channels_first, workload.data())
    leaves = (x.requires_grad_(), *module.leaves, module.bias)
    forward = torch_step.compiled(module.output, mode)
    return torch_step.there_and_back(lambda x, *_: forward(x), leaves, dy)


def predict_step(workload: Workload, layers: Any, mode: str) -> Any:
    """Return the mean probabilities."""
    x = torch_step.channels_first(workload.data()[0])

    def probabilities(x: Tensor) -> Tensor:
        for layer, module in zip(workload.layers, layers, strict=True):
            x = torch_step.followed(layer, module.output(x))
        return x.softmax(1)

    sample = torch_step.compiled(probabilities, mode)

    @torch.inference_mode()
    def step() -> Tensor:
        return sum(sample(x) for _ in range(workload.samples)) / workload.samples

    return step
