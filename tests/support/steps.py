"""A training step of every layer, estimator, posterior, prior and likelihood."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

import varlayers as vl
from support.estimators import EVERY_ESTIMATOR
from support.layers import EVERY_LAYER
from support.likelihoods import CASES
from support.priors import EVERY_PRIOR
from varlayers.posteriors import POSTERIORS

RNG = np.random.default_rng(0)
NOISE = vl.Normal(scale=0.5)


def drawn(shape: Any) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def regression(layer: Any, n: int = 6) -> Any:
    return vl.ELBO(layer, NOISE, num_data=50), drawn((n, 3)), drawn((n, 2))


def of_layer(layer: Any, shape: Any, **options: Any) -> Any:
    elbo = vl.ELBO(layer, NOISE, num_data=50, **options)
    return elbo, drawn(shape), drawn(layer.out_shape(shape))


def of_likelihood(case: Any) -> Any:
    _, outputs, targets = case.problem(6)
    if targets.dtype.kind == "f":
        targets = targets.astype(np.float32)
    dense = vl.Dense(3, max(outputs[0].size, 1))
    layer = vl.Sequential([vl.Flatten(), dense, vl.Reshape(outputs.shape[1:])])
    return vl.ELBO(layer, case.likelihood, num_data=50), drawn((6, 3)), targets


def _every_step() -> Iterator[tuple[str, Any]]:
    for name, (layer, shape) in EVERY_LAYER.items():
        yield f"layer {name}", partial(of_layer, layer, shape)
    for name, estimator in EVERY_ESTIMATOR.items():
        options = {"estimator": estimator, "bias": "normal"}
        dense = vl.Dense(3, 2, **options)
        convolution = vl.Convolution(2, 3, 3, padding="same", **options)
        yield f"{name}, dense", partial(of_layer, dense, (6, 3), num_samples=2)
        sampled = partial(of_layer, convolution, (2, 4, 5, 2), num_samples=2)
        yield f"{name}, convolution", sampled
    for name in POSTERIORS:
        layer = vl.Dense(3, 2, posterior=name, estimator="reparameterization")
        yield f"posterior {name}", partial(regression, layer)
    for name, prior in EVERY_PRIOR.items():
        yield f"prior {name}", partial(regression, vl.Dense(3, 2, prior=prior))
    for name, case in CASES.items():
        yield f"likelihood {name}", partial(of_likelihood, case)


# name -> function that returns an ELBO, inputs and targets
EVERY_STEP = dict(_every_step())
