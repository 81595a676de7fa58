"""The step that every peer takes, and the numbers it starts from.

    loss = Σ nll / batch + Σ KL(N(loc, softplus(rho)²) ‖ N(0, 1)) / num_data

for a 784-400-400-10 network with relu and point biases, then Adam. Data are synthetic:
only the time is of interest. All peers start alike, so their first losses agree up to
noise; the driver checks that they do.
"""

from itertools import pairwise

import numpy as np

ESTIMATORS = ("reparameterization", "local", "flipout")
LAYERS = list(pairwise((784, 400, 400, 10)))
BATCH, NUM_DATA, RATE = 128, 60_000, 1e-3
BETA1, BETA2, EPS = 0.9, 0.999, 1e-8


def data() -> tuple[np.ndarray, np.ndarray]:
    """Return inputs (128, 784) and classes (128,)."""
    rng = np.random.default_rng(0)
    x = rng.random((BATCH, LAYERS[0][0]), np.float32)
    return x, rng.integers(LAYERS[-1][1], size=BATCH)


def parameters() -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Return (loc, rho, bias) of each layer, varlayers' defaults: He and 0.1 / √i."""
    rng = np.random.default_rng(1)
    return [
        (
            rng.uniform(-1, 1, (i, o)).astype(np.float32) * np.sqrt(np.float32(6 / i)),
            np.full((i, o), np.log(np.expm1(0.1 / np.sqrt(i))), np.float32),
            np.zeros(o, np.float32),
        )
        for i, o in LAYERS
    ]
