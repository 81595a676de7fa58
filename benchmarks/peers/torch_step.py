"""torch: autograd, fused Adam; eager, or with the forward pass and loss compiled.

The fastest form known: fused random addition (`addcmul`), `addmm`, signs of one bit
each, convolutions channels last in memory, `Adam(fused=True)`. Compiling pays for local
reparameterization and single convolutions and costs elsewhere (the compiler's random
numbers are slow), so both are run.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.devices import on_gpu
from benchmarks.workloads import (
    BETA1,
    BETA2,
    EPS,
    NOISE,
    RATE,
    Layer,
    Unsupported,
    Workload,
)

DEVICE = "cuda" if on_gpu() else "cpu"
if on_gpu():
    torch.backends.cudnn.allow_tf32 = False  # float32 is float32, as elsewhere
SERIAL = 20_000  # weights below which a second thread only costs
COMPILE = {
    "compiled": {},
    "autotuned": {"mode": "max-autotune-no-cudagraphs"},
}


def describe() -> str:
    """Return the version."""
    return f"torch {torch.__version__}"


def reparameterization(layer: Layer, x: Tensor, q: Any) -> Tensor:
    """Sample the weights."""
    loc, scale, bias = q
    w = torch.addcmul(loc, scale, torch.randn_like(scale))
    return product(layer, x, w, bias)


def local(layer: Layer, x: Tensor, q: Any) -> Tensor:
    """Sample the outputs; the constant keeps the gradient of the root finite."""
    loc, scale, bias = q
    deviation = torch.sqrt(product(layer, x.square(), scale.square()) + 1e-12)
    mean = product(layer, x, loc, bias)
    return torch.addcmul(mean, deviation, torch.randn_like(deviation))


def flipout(layer: Layer, x: Tensor, q: Any) -> Tensor:
    """Sample one perturbation, and signs for every example and channel."""
    loc, scale, bias = q
    delta = scale * torch.randn_like(scale)
    ones = (1,) * len(layer.filter)
    signs_in = signs((len(x), layer.inputs, *ones))
    signs_out = signs((len(x), layer.outputs, *ones))
    perturbed = product(layer, x * signs_in, delta)
    return torch.addcmul(product(layer, x, loc, bias), perturbed, signs_out)


ESTIMATOR = {
    "reparameterization": reparameterization,
    "local": local,
    "flipout": flipout,
}


def signs(shape: tuple[int, ...]) -> Tensor:
    """Draw -1 or 1, one bit each."""
    size = torch.Size(shape).numel()
    options = {"dtype": torch.int32, "device": DEVICE}
    words = torch.randint(-(2**31), 2**31, (size // 32 + 1, 1), **options)
    bits = (words >> torch.arange(32, **options)) & 1
    return bits.float().mul_(2).sub_(1).view(-1)[:size].view(shape)


def product(layer: Layer, x: Tensor, w: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return the layer's bilinear map of input and weights."""
    rank = len(layer.filter)
    if not rank:
        return x @ w if bias is None else torch.addmm(bias, x, w)
    if layer.transposed:
        start, end = layer.crop
        return getattr(F, f"conv_transpose{rank}d")(
            x, w, bias, layer.stride, start, start - end
        )
    return getattr(F, f"conv{rank}d")(x, w, bias, padding="same")


AFTER = {
    "relu": F.relu,
    "pool": lambda h: F.max_pool2d(h, 2),
    "flatten": lambda h: h.flatten(1),
}


def channels_first(x: np.ndarray) -> Tensor:
    """Return x as (batch, channels, *space), channels last in memory."""
    return in_best_format(torch.from_numpy(np.moveaxis(x, -1, 1).copy()).to(DEVICE))


def in_best_format(x: Tensor) -> Tensor:
    """Return x with channels last in memory, if it has space."""
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    return x.contiguous(memory_format=formats.get(x.ndim, torch.contiguous_format))


def parameters(workload: Workload) -> list[tuple[Tensor, ...]]:
    """Return (loc, rho, bias) of each layer, as torch lays them out."""
    kernels = [layer.kernel_shape for layer in workload.layers]
    if workload.x_shape[1:-1] == () and sum(map(math.prod, kernels)) < SERIAL:
        torch.set_num_threads(1)
    tensors = []
    rows = [source for source, _ in workload.shapes()]
    for index, (layer, arrays) in enumerate(
        zip(workload.layers, workload.parameters(), strict=True)
    ):
        *kernel, bias = arrays
        flattened = index and "flatten" in workload.layers[index - 1].then
        if flattened:
            kernel = [reordered(array, workload, rows[index]) for array in kernel]
        if layer.filter:
            last = (-2, -1) if layer.transposed else (-1, -2)
            kernel = [np.moveaxis(array, last, (0, 1)) for array in kernel]
        leaves = [
            in_best_format(torch.tensor(array.copy(), device=DEVICE))
            for array in (*kernel, bias)
        ]
        tensors.append(tuple(leaf.requires_grad_() for leaf in leaves))
    return tensors


def reordered(kernel: np.ndarray, workload: Workload, shape: tuple[int, ...]) -> Any:
    """Return a dense kernel whose rows follow a flattened (channels, *space)."""
    layers = workload.layers
    channels = next(layer.outputs for layer in layers if "flatten" in layer.then)
    by_space = kernel.reshape(shape[1] // channels, channels, -1)
    return by_space.swapaxes(0, 1).reshape(kernel.shape)


def make_objective(workload: Workload, estimator: str, params: Any) -> Any:
    """Return (x, targets) -> loss."""

    def objective(x: Tensor, targets: Tensor) -> Tensor:
        q = constrained(params)
        h = outputs(workload, estimator, q, x)
        return nll(workload, h, targets) + divergence(q) / workload.num_data

    return objective


def constrained(params: Any) -> list[tuple[Tensor, ...]]:
    """Return (loc, scale, bias) of each layer."""
    return [(loc, F.softplus(rho), bias) for loc, rho, bias in params]


def outputs(workload: Workload, estimator: str, q: Any, x: Tensor) -> Tensor:
    """Return the network's output."""
    for layer, arrays in zip(workload.layers, q, strict=True):
        x = followed(layer, ESTIMATOR[estimator](layer, x, arrays))
    return x


def followed(layer: Layer, y: Tensor) -> Tensor:
    """Return what the functions after a layer make of its output."""
    for name in layer.then:
        y = AFTER[name](y)
    return y


def divergence(q: Any) -> Tensor:
    """Return the divergence from the prior."""
    kl = torch.zeros((), device=DEVICE)
    for loc, scale, _ in q:
        square = loc.square().sum() + scale.square().sum() - loc.numel()
        kl = kl + square / 2 - scale.log().sum()
    return kl


def nll(workload: Workload, h: Tensor, targets: Tensor) -> Tensor:
    """Return minus the mean log-likelihood."""
    if not workload.is_regression:
        return F.cross_entropy(h, targets)
    constant = math.log(NOISE) + math.log(2 * math.pi) / 2
    return F.mse_loss(h, targets) / (2 * NOISE**2) + constant


def compiled(function: Any, mode: str) -> Any:
    """Return the function as the mode has it."""
    return torch.compile(function, **COMPILE[mode]) if mode in COMPILE else function


def make_step(workload: Workload, estimator: str, mode: str) -> Callable[[], Any]:
    """Return the function to time."""
    if on_gpu() and not torch.cuda.is_available():
        msg = "torch finds no device"
        raise Unsupported(msg)
    if workload.what == "layer":
        return layer_step(workload, estimator, mode)
    if workload.what == "predict":
        return predict_step(workload, estimator, mode)
    if workload.what == "fit":
        msg = "torch has no loop of its own: see tiny"
        raise Unsupported(msg)
    params, (x, targets) = parameters(workload), workload.data()
    objective = compiled(make_objective(workload, estimator, params), mode)
    leaves = [leaf for arrays in params for leaf in arrays]
    return training_step(
        objective, leaves, channels_first(x), torch.from_numpy(targets).to(DEVICE)
    )


def training_step(objective: Any, leaves: Any, x: Tensor, targets: Tensor) -> Any:
    """Return gradient and Adam's step, given the loss."""
    adam = torch.optim.Adam(leaves, RATE, (BETA1, BETA2), EPS, fused=True)

    def step() -> float:
        adam.zero_grad()
        loss = objective(x, targets)
        loss.backward()
        adam.step()
        return loss.item()

    return step


def layer_step(workload: Workload, estimator: str, mode: str) -> Any:
    """Return forward and backward of a single layer."""
    (layer,), (leaves,) = workload.layers, parameters(workload)
    x, dy = map(channels_first, workload.data())

    def forward(x: Tensor, loc: Tensor, rho: Tensor, bias: Tensor) -> Tensor:
        return ESTIMATOR[estimator](layer, x, (loc, F.softplus(rho), bias))

    return there_and_back(compiled(forward, mode), (x.requires_grad_(), *leaves), dy)


def there_and_back(forward: Any, leaves: tuple[Tensor, ...], dy: Tensor) -> Any:
    """Return the output and its gradients by the leaves."""

    def step() -> list[Tensor]:
        y = forward(*leaves)
        grads = torch.autograd.grad(y, leaves, dy)
        wait()
        return [y.detach(), *grads[:3]]

    return step


def predict_step(workload: Workload, estimator: str, mode: str) -> Any:
    """Return the mean probabilities."""
    x, params = channels_first(workload.data()[0]), parameters(workload)

    def probabilities(q: Any, x: Tensor) -> Tensor:
        return outputs(workload, estimator, q, x).softmax(1)

    sample = compiled(probabilities, mode)

    @torch.inference_mode()
    def step() -> Tensor:
        q = constrained(params)
        mean = sum(sample(q, x) for _ in range(workload.samples)) / workload.samples
        wait()
        return mean

    return step


def wait() -> None:
    """Return when the device has done what it was told."""
    if on_gpu():
        torch.cuda.synchronize()
