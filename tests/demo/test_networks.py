"""The networks differ in their uncertainty and in nothing else."""

import numpy as np
import pytest

import varlayers as vl
from varlayers import tree
from varlayers.demo.networks import BAYESIAN, DETERMINISTIC, DROPOUT, networks

X = np.ones((3, 64), np.float32)


@pytest.fixture(params=["reparameterization", "local", "flipout"])
def elbos(request):
    return networks(100, estimator=request.param, beta=0.3)


def shapes(elbo):
    params = elbo.init(vl.key(0), like=X)["model"]
    leaves = (leaf for path, leaf in tree.items(params) if path.endswith("loc"))
    return [leaf.shape for leaf in leaves]


def test_one_shape(elbos):
    first, *others = (shapes(elbo) for elbo in elbos.values())
    assert first == [(64, 64), (64,), (64, 64), (64,), (64, 10), (10,)]
    assert others == [first, first]


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
