"""The variance of the three estimators' gradients, measured against each other.

    python benchmarks/gradient_variance.py [--epochs 20] [--examples 40000] [--seed 0]

A ReLU network 64-64-64-10 with normal kernels and no biases is trained on the
handwritten digits of scikit-learn (with `--epochs 0` it is not). At its parameters the
gradient of a batch's mean nll is drawn with each estimator. A number in the table is
the variance over the estimator's noise at a fixed batch, averaged over the elements of
a weight array and over batches: half the mean squared difference of two draws.
"""

import argparse
from typing import Any

import numpy as np

import varlayers as vl

ESTIMATORS = ("reparameterization", "flipout", "local")
BATCH_SIZES = (1, 8, 64, 512)
LAYERS = {"first": "0", "last": "4"}
PARAMETERS = ("loc", "rho")
PLACES = [(place, name) for name in PARAMETERS for place in LAYERS]


def network(estimator: str) -> vl.Sequential:
    """Return the model; its parameters fit every estimator."""
    first, second, last = (
        vl.Dense(64, width, estimator=estimator, bias=None) for width in (64, 64, 10)
    )
    relu = vl.Activation("relu")
    return vl.Sequential([first, relu, second, relu, last])


def digits() -> tuple[Any, Any]:
    """Return the inputs, scaled to [0, 1], and classes of the handwritten digits."""
    from sklearn.datasets import load_digits

    x, targets = load_digits(return_X_y=True)
    return (x / 16).astype(np.float32), targets


def trained(x: Any, targets: Any, epochs: int, seed: int) -> Any:
    """Return parameters, trained with Flipout."""
    elbo = vl.ELBO(network("flipout"), vl.Categorical(), num_data=len(x))
    key, adam = vl.key(seed), vl.Adam(1e-3)
    if not epochs:
        return elbo.init(key, like=x)["model"]
    state = vl.fit(
        elbo, x, targets, key=key, epochs=epochs, optimizer=adam, progress=False
    )
    return state["params"]["model"]


def gradient(
    model: vl.Sequential, params: dict[str, Any], x: Any, targets: Any, key: Any
) -> dict[tuple[str, str], Any]:
    """Return the gradient of the batch's mean nll by the weights' parameters."""
    elbo = vl.ELBO(model, vl.Categorical(), num_data=len(x), beta=0)
    _, grads = elbo.value_and_grad({"model": params}, x, targets, key)
    return {
        (place, name): grads["model"][index]["kernel"][name]
        for place, index in LAYERS.items()
        for name in PARAMETERS
    }


def variances(
    estimator: str,
    params: dict[str, Any],
    data: tuple[Any, Any],
    *,
    batch_size: int,
    pairs: int,
    seed: int,
) -> dict[tuple[str, str], float]:
    """Return the variance over the noise by (layer, parameter)."""
    (x, targets), model = data, network(estimator)
    rng, total = np.random.default_rng(seed), dict.fromkeys(PLACES, 0.0)
    for pair in range(pairs):
        rows = rng.choice(len(x), batch_size, replace=False)
        one, two = (
            gradient(model, params, x[rows], targets[rows], key)
            for key in vl.split(vl.fold_in(vl.key(seed), pair), 2)
        )
        for place, grad in one.items():
            total[place] += float(np.mean((grad - two[place]) ** 2)) / (2 * pairs)
    return total


def print_table(
    params: dict[str, Any], data: tuple[Any, Any], examples: int, seed: int
) -> None:
    """Print rows by parameter and batch size, as Markdown."""
    print(f"| gradient by | batch | {' | '.join(ESTIMATORS)} |")
    print("| --- | ---: |" + " ---: |" * len(ESTIMATORS))
    columns = {}
    for size in BATCH_SIZES:
        pairs = min(max(examples // size, 200), 5000)
        for estimator in ESTIMATORS:
            columns[estimator, size] = variances(
                estimator, params, data, batch_size=size, pairs=pairs, seed=seed
            )
    for place, name in PLACES:
        for size in BATCH_SIZES:
            cells = [columns[e, size][place, name] for e in ESTIMATORS]
            numbers = " | ".join(f"{cell:.1e}" for cell in cells)
            print(f"| {name}, {place} layer | {size} | {numbers} |")


def main() -> None:
    """Train, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--examples", type=int, default=40_000, help="per cell")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    data = digits()
    params = trained(*data, options.epochs, options.seed)
    print_table(params, data, options.examples, options.seed)


if __name__ == "__main__":
    main()
