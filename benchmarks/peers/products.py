"""The floor: the step's matrix products alone, in NumPy, nothing between them.

Per layer and product of the forward pass: y = x w, dw = xᵀ dy, dx = dy wᵀ, the last not
for the first layer. Reparameterization has one product per layer, the others two.
"""

from collections.abc import Callable

import numpy as np
from peers.problem import BATCH, LAYERS


def make_step(estimator: str, compiled: bool) -> Callable[[], float]:
    """Return a function that forms all products of one step."""
    rng = np.random.default_rng(0)

    def product(i: int, j: int, o: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        normal = rng.standard_normal
        return normal((i, j), np.float32), normal((j, o), np.float32), empty(i, o)

    def empty(i: int, o: int) -> np.ndarray:
        return np.empty((i, o), np.float32)

    products = []
    for _ in range(1 if estimator == "reparameterization" else 2):
        for index, (i, o) in enumerate(LAYERS):
            x, w, y = product(BATCH, i, o)
            products += [(x, w, y), (x.T, y, empty(i, o))]
            products += [(y, w.T, empty(BATCH, i))] if index else []

    def step() -> float:
        for one, other, out in products:
            np.matmul(one, other, out=out)
        return 0.0

    return step
