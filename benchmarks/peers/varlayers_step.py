"""The step in varlayers, on NumPy arrays."""

from collections.abc import Callable

from peers.problem import BETA1, BETA2, EPS, LAYERS, NUM_DATA, RATE, data

import varlayers as vl


def make_step(estimator: str, compiled: bool) -> Callable[[], float]:
    """Return a function that takes one training step and returns the loss."""
    x, targets = data()
    relu = vl.Activation("relu")
    dense = [vl.Dense(*layer, estimator=estimator, prior="normal") for layer in LAYERS]
    model = vl.Sequential([dense[0], relu, dense[1], relu, dense[2]])
    elbo = vl.ELBO(model, vl.Categorical(), num_data=NUM_DATA)
    optimizer = vl.Adam(RATE, BETA1, BETA2, EPS)
    params = elbo.init(vl.key(0), like=x)
    state = optimizer.init(params)

    def step() -> float:
        nonlocal params, state
        key = vl.fold_in(vl.key(1), state["step"])
        loss, grads = elbo.value_and_grad(params, x, targets, key)
        params, state = optimizer.update(grads, state, params)
        return float(loss.loss)

    return step
