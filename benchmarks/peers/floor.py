"""The floor: what no step can do without, each at the best rate measured here.

The step's matrix products alone, in NumPy, nothing between them: per layer y = x w,
dw = xᵀ dy, dx = dy wᵀ, the last not for a network's first layer. A convolution counts
one product per example of its patches' size, operands in cache. Reparameterization has
one such triple per layer; the others two, but Flipout's convolution one: an example has
one kernel of its own.

`work` counts besides the bytes that pass through memory and the normals, with the rates
of copying and of the better of NumPy's and varlayers' generators.
"""

import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any

import numpy as np

import varlayers as vl
from benchmarks.devices import on_gpu, place, wait
from benchmarks.workloads import Workload
from varlayers.dispatch import kernels_for

BYTES = 4
# loc and rho, and Adam's two moments of each, are read and written once; in a layer loc
# and rho are read and their gradients written; a prediction reads them once.
PASSES = {"step": 12, "fit": 12, "layer": 4, "predict": 2}


def describe() -> str:
    """Return the version."""
    return f"NumPy {np.__version__}"


def make_step(workload: Workload, estimator: str, mode: str) -> Callable[[], Any]:
    """Return a function that forms all products of one step."""
    xp, calls = kernels_for(place(np.zeros(0, np.float32))).xp, []
    for index, (count, m, k, n) in enumerate(products(workload, estimator)):
        x, w, y = (operand(shape) for shape in ((m, k), (k, n), (m, n)))
        dx, dw = xp.empty_like(x), xp.empty_like(w)
        triple = [(x, w, xp.empty_like(y))]
        if workload.what != "predict":
            triple.append((x.T, y, dw))
            if index or workload.what == "layer":
                triple.append((y, w.T, dx))
        calls.append((count * workload.steps, triple))

    def step() -> float:
        for count, triple in calls:
            for _ in range(count):
                for one, other, out in triple:
                    xp.matmul(one, other, out=out)
        wait()
        return math.nan

    return step


def operand(shape: tuple[int, int]) -> np.ndarray:
    """Return random numbers."""
    return place(np.random.default_rng(0).standard_normal(shape, np.float32))


def products(workload: Workload, estimator: str) -> list[tuple[int, int, int, int]]:
    """Return (count, m, k, n) of each layer: count products (m, k) (k, n)."""
    sizes = []
    for layer, (source, out) in zip(workload.layers, workload.shapes(), strict=True):
        n, *space, _ = source
        positions, patch = math.prod(out[1:-1]), math.prod(layer.filter)
        one_product = estimator == "reparameterization" or (
            estimator == "flipout" and layer.filter
        )
        count = workload.samples * (1 if one_product else 2)
        if not layer.filter:
            sizes.append((count, n, layer.inputs, layer.outputs))
        elif layer.transposed:
            wide = (math.prod(space), layer.inputs, patch * layer.outputs)
            sizes.append((count * n, *wide))
        else:
            sizes.append((count * n, positions, patch * layer.inputs, layer.outputs))
    return sizes


def gigaflop(workload: Workload, estimator: str) -> float:
    """Return the work of a step's products."""
    total = 0
    for index, (count, m, k, n) in enumerate(products(workload, estimator)):
        backward = 0 if workload.what == "predict" else 1
        forms = 1 + backward * (2 if index or workload.what == "layer" else 1)
        total += 2 * count * m * k * n * forms
    return total / 1e9


def work(workload: Workload, estimator: str) -> dict[str, float]:
    """Return how much there is to do, and the rates at which it can be done."""
    weights = sum(math.prod(layer.kernel_shape) for layer in workload.layers)
    shapes = workload.shapes()
    ends = sum(math.prod(shape) for pair in shapes for shape in pair)
    passes = 1 if workload.what == "predict" else 2  # back as well
    outputs = sum(math.prod(out) for _, out in shapes)
    memory = BYTES * (PASSES[workload.what] * weights + passes * ends)
    normals = outputs if estimator == "local" else weights
    return {
        "GFLOP": gigaflop(workload, estimator),
        "MB": memory * workload.samples / 1e6,
        "GB/s": bytes_per_second() / 1e9,
        "million normals": normals * workload.samples / 1e6,
        "ns per normal": seconds_per_normal() * 1e9,
    }


def bytes_per_second(size: int = 2**25) -> float:
    """Return the rate at which all threads together copy, read and written counted."""
    if on_gpu():
        one, other = (place(np.ones(size, np.uint8)) for _ in range(2))
        return 2 * size / least_seconds(lambda: (one.__setitem__(..., other), wait()))
    threads = int(os.environ.get("OMP_NUM_THREADS", "1"))
    pairs = [(np.ones(size, np.uint8), np.ones(size, np.uint8)) for _ in range(threads)]
    with ThreadPoolExecutor(threads) as pool:

        def copy() -> None:
            list(pool.map(lambda pair: np.copyto(*pair), pairs))

        return 2 * size * threads / least_seconds(copy)


def seconds_per_normal(size: int = 2**20) -> float:
    """Return the least time per normal of the generators at hand."""
    like, rng = place(np.zeros(0, np.float32)), np.random.Generator(np.random.SFC64(0))
    kernels, key = kernels_for(like), vl.key(0)
    generators = [lambda: (kernels.normal(key, (size,), like), wait())]
    if not on_gpu():
        generators.append(lambda: rng.standard_normal(size, np.float32))
    return min(map(least_seconds, generators)) / size


def least_seconds(function: Callable[[], Any], repeats: int = 7) -> float:
    """Return the shortest of a few runs."""

    def seconds() -> float:
        start = perf_counter()
        function()
        return perf_counter() - start

    return min(seconds() for _ in range(repeats))
