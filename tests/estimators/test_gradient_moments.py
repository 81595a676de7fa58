"""Mean and variance of each estimator's gradient in closed form.

For a linear layer under half the squared error, d = x loc - t, and per example n

    E loss = Σₒ (dₙₒ² + vₙₒ) / 2,  vₙₒ = Σᵢ xₙᵢ² scaleᵢₒ²

which is quadratic in the parameters: its gradient is exact, and so are the variances
of the averages over a batch of N (M = xᵀx / N, all sums over n and j ≠ i):

    reparameterization  dloc    Mᵢᵢ² scaleᵢₒ² + Σ Mᵢⱼ² scaleⱼₒ²
                        dscale  2 Mᵢᵢ² scaleᵢₒ² + Σ Mᵢⱼ² scaleⱼₒ² + (Σ xₙᵢ dₙₒ / N)²
    flipout             dloc    Σ xₙᵢ² vₙₒ / N²
                        dscale  2 Mᵢᵢ² scaleᵢₒ² + Σ xₙᵢ² xₙⱼ² scaleⱼₒ² / N²
                                + Σ xₙᵢ² dₙₒ² / N²
    local               dloc    Σ xₙᵢ² vₙₒ / N²
                        dscale  scaleᵢₒ² Σ xₙᵢ⁴ (2 + dₙₒ² / vₙₒ) / N²

So at a large batch only local loses all of its variance; flipout loses that of loc.
"""

import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from support.estimators import EVERY_ESTIMATOR
from support.moments import assert_mean

from varlayers.layers import Dense
from varlayers.posteriors import MeanFieldNormal
from varlayers.random import fold_in, key
from varlayers.tree import items

NORMAL = MeanFieldNormal(shift=0.0)


def arguments(x_shape, bias):
    """Return params, x and targets, correlated with x as data are."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=x_shape) + 0.5
    params = {
        "kernel": {"loc": rng.normal(size=(3, 2)), "rho": rng.normal(size=(3, 2))}
    }
    if bias:
        params["bias"] = {"loc": rng.normal(size=2), "rho": rng.normal(size=2)}
    target = x @ rng.normal(size=(3, 2)) + rng.normal(size=(*x_shape[:-1], 2))
    return params, x, target


def scale_and_slope(rho):
    return np.log1p(np.exp(rho)), 1 / (1 + np.exp(-rho))


def expected_gradient(params, x, target):
    """Return the gradient of the expected loss, summed over the batch."""
    kernel, bias = params["kernel"], params["bias"]
    scale, slope = scale_and_slope(kernel["rho"])
    bias_scale, bias_slope = scale_and_slope(bias["rho"])
    rows, d = x.reshape(-1, 3), (x @ kernel["loc"] + bias["loc"] - target)
    count, flat = len(rows), d.reshape(-1, 2)
    return {
        "x": d @ kernel["loc"].T + x * np.sum(scale**2, axis=1),
        "kernel": {
            "loc": rows.T @ flat,
            "rho": np.sum(rows**2, axis=0)[:, None] * scale * slope,
        },
        "bias": {"loc": np.sum(flat, axis=0), "rho": count * bias_scale * bias_slope},
    }


def sampled_gradients(layer, params, x, target, draws):
    """Return the gradients of many draws, stacked along axis 0, by path."""
    every = []
    for step in range(draws):
        noise = layer.draw(fold_in(key(8), step), x.shape, x)
        y, saved = layer.forward(params, x, noise)
        dx, dparams = layer.backward(saved, y - target)
        every.append(dict(items({"x": dx, **dparams})))
    return {path: np.stack([draw[path] for draw in every]) for path in every[0]}


@pytest.mark.parametrize("name", EVERY_ESTIMATOR)
def test_gradient_is_unbiased(name):
    params, x, target = arguments((2, 2, 3), bias=True)
    layer = Dense(3, 2, estimator=EVERY_ESTIMATOR[name], posterior=NORMAL, bias=NORMAL)
    gradients = sampled_gradients(layer, params, x, target, draws=1000)
    expected = dict(items(expected_gradient(params, x, target)))
    assert gradients.keys() == expected.keys()
    for path, samples in gradients.items():
        assert_mean(samples, expected[path])


def expected_variances(name, params, x, target):
    """Return the table of the module: variances of dloc and drho for the mean loss."""
    scale, slope = scale_and_slope(params["kernel"]["rho"])
    n, d = len(x), x @ params["kernel"]["loc"] - target
    x2, s2, v = x**2, scale**2, x**2 @ scale**2
    moment = x.T @ x / n
    own = 2 * np.diag(moment)[:, None] ** 2 * s2
    others = moment**2 * (1 - np.eye(3))
    if name == "reparameterization":
        dloc = moment**2 @ s2
        dscale = (x.T @ d / n) ** 2 + own + others @ s2
    else:
        dloc = x2.T @ v / n**2
        if name == "flipout":
            pairs = (x2.T @ x2) * (1 - np.eye(3))
            dscale = x2.T @ d**2 / n**2 + own + pairs @ s2 / n**2
        else:
            dscale = s2 * ((x2**2).T @ (d**2 / v + 2)) / n**2
    return {"kernel": {"loc": dloc, "rho": dscale * slope**2}}


@pytest.mark.parametrize("name", ["reparameterization", "local", "flipout"])
def test_variance_of_the_gradient(name):
    params, x, target = arguments((6, 3), bias=False)
    layer = Dense(3, 2, estimator=EVERY_ESTIMATOR[name], posterior=NORMAL, bias=None)
    n = len(x)
    gradients = sampled_gradients(layer, params, x, target, draws=2000)
    bias = {"loc": np.zeros(2), "rho": np.zeros(2)}
    mean = dict(items(expected_gradient({**params, "bias": bias}, x, target)))
    for path, variance in items(expected_variances(name, params, x, target)):
        assert_mean(((gradients[path] - mean[path]) / n) ** 2, variance)


def test_order_at_a_large_batch():
    """In a network, by the benchmark: the floors of the table, far apart by then."""
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    path = Path(__file__).parents[2] / "benchmarks" / "gradient_variance.py"
    benchmark = SimpleNamespace(**runpy.run_path(str(path)))
    data = benchmark.digits()
    params = benchmark.trained(*data, epochs=0, seed=0)
    shared, flipped, local = (
        benchmark.variances(name, params, data, batch_size=512, pairs=8, seed=0)
        for name in ("reparameterization", "flipout", "local")
    )
    for layer in ("first", "last"):
        assert flipped[layer, "loc"] < shared[layer, "loc"] / 2
        assert local[layer, "loc"] < shared[layer, "loc"] / 2
        assert local[layer, "rho"] < flipped[layer, "rho"] < shared[layer, "rho"]
