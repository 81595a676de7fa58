"""The three networks that the demo compares: one shape, three kinds of uncertainty.

    Bayesian        a normal posterior over every weight, prior N(0, 0.5²)
    deterministic   the same network without uncertainty: no noise, no prior
    MC dropout      the same once more, with dropout in training and in prediction

The first one's objective weighs the divergence by beta. With beta = 1 it is the
evidence lower bound; but 1,297 images do not pay for 9,000 weights with independent
uncertainties, and the network is visibly underconfident. The default, 0.1, tempers the
posterior, as if each image had been seen ten times.

Two shapes: "mlp", dense layers on the rows of pixels, and "cnn", two convolutions with
pooling before them, which see the image.

Reference: Gal & Ghahramani (2016), arXiv:1506.02142, for dropout in prediction; Wenzel
et al. (2020), arXiv:2002.02405, for tempered ("cold") posteriors.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from varlayers.elbo import ELBO
from varlayers.layers import (
    Activation,
    Convolution,
    Dense,
    Dropout,
    Flatten,
    MaxPool,
    Reshape,
    Sequential,
)
from varlayers.likelihoods import Categorical
from varlayers.priors import NormalPrior
from varlayers.types import Layer

__all__ = ["BAYESIAN", "DETERMINISTIC", "DROPOUT", "MODELS", "networks"]

BAYESIAN, DETERMINISTIC, DROPOUT = "Bayesian", "deterministic", "MC dropout"

_SIDE = 8
_CHANNELS = (1, 16, 32)
_HIDDEN = 64
_CLASSES = 10


def networks(
    num_data: int, *, model: str, estimator: str, beta: float
) -> dict[str, ELBO]:
    """Return the objective of each network by its name.

    Args:
        num_data: the number of training images.
        model: which of `MODELS`.
        estimator: of the Bayesian network.
        beta: its factor of the divergence, >= 0.
    """
    network = MODELS[model]
    bayesian = network(estimator=estimator, prior=NormalPrior(scale=0.5))
    point = network(posterior="point", prior=None)
    dropout = network([Dropout(0.2)], posterior="point", prior=None)
    return {
        BAYESIAN: ELBO(bayesian, Categorical(), num_data=num_data, beta=beta),
        DETERMINISTIC: ELBO(point, Categorical(), num_data=num_data),
        DROPOUT: ELBO(dropout, Categorical(), num_data=num_data),
    }


def _mlp(after_hidden: Sequence[Layer] = (), **weights: Any) -> Sequential:
    sizes = (_SIDE * _SIDE, _HIDDEN, _HIDDEN)
    return Sequential(_dense(sizes, after_hidden, weights))


def _cnn(after_hidden: Sequence[Layer] = (), **weights: Any) -> Sequential:
    layers: list[Layer] = [Reshape((_SIDE, _SIDE, 1))]
    for fan_in, fan_out in pairwise(_CHANNELS):
        convolution = Convolution(fan_in, fan_out, (3, 3), padding="same", **weights)
        layers += [convolution, Activation("relu"), MaxPool((2, 2))]
    sizes = (_CHANNELS[-1] * (_SIDE // 4) ** 2, _HIDDEN)
    return Sequential([*layers, Flatten(), *_dense(sizes, after_hidden, weights)])


def _dense(
    sizes: Sequence[int], after_hidden: Sequence[Layer], weights: dict[str, Any]
) -> list[Layer]:
    """Return dense layers of these sizes, and the one that tells the classes."""
    layers: list[Layer] = []
    for fan_in, fan_out in pairwise(sizes):
        dense = Dense(fan_in, fan_out, **weights)
        layers += [dense, Activation("relu"), *after_hidden]
    return [*layers, Dense(sizes[-1], _CLASSES, **weights)]


MODELS = {"mlp": _mlp, "cnn": _cnn}
