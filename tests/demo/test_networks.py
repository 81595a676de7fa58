"""The networks differ in their uncertainty and in nothing else."""

import itertools

import numpy as np
import pytest

import varlayers as vl
from varlayers import tree
from varlayers.demo.networks import (
    BAYESIAN,
    DETERMINISTIC,
    DROPOUT,
    MODELS,
    networks,
)

X = np.ones((3, 64), np.float32)


MODELS_AND_ESTIMATORS = list(
    itertools.product(MODELS, ["reparameterization", "local", "flipout"])
)


@pytest.fixture(params=MODELS_AND_ESTIMATORS, ids="-".join)
def elbos(request):
    model, estimator = request.param
    return networks(100, model=model, estimator=estimator, beta=0.3)


def shapes(elbo):
    params = elbo.init(vl.key(0), like=X)["model"]
    leaves = (leaf for path, leaf in tree.items(params) if path.endswith("loc"))
    return [leaf.shape for leaf in leaves]


def test_one_shape(elbos):
    first, *others = (shapes(elbo) for elbo in elbos.values())
    assert others == [first, first]


@pytest.mark.parametrize(
    ("model", "kernels"),
    [
        ("mlp", [(64, 64), (64, 64), (64, 10)]),
        ("cnn", [(3, 3, 1, 16), (3, 3, 16, 32), (128, 64), (64, 10)]),
    ],
)
def test_kernels_of_the_models(model, kernels):
    elbos = networks(100, model=model, estimator="local", beta=0.3)
    assert shapes(elbos[BAYESIAN])[::2] == kernels


def test_classes_come_out(elbos):
    assert {elbo.model.out_shape(X.shape) for elbo in elbos.values()} == {(3, 10)}


def test_only_the_bayesian_pays_for_its_weights(elbos):
    for name, elbo in elbos.items():
        params = elbo.init(vl.key(0), like=X)["model"]
        assert bool(elbo.model.kl(params)) == (name == BAYESIAN)
    assert elbos[BAYESIAN].beta == 0.3


def test_all_but_the_deterministic_draw_noise(elbos):
    noisy = {name for name, elbo in elbos.items() if any(elbo.draw(vl.key(0), X))}
    assert noisy == {BAYESIAN, DROPOUT}
    assert set(elbos) - noisy == {DETERMINISTIC}
