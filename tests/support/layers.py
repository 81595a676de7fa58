"""Examples of every layer: the rows of the tests that hold for all.

A new layer joins by its line in `LAYERS` and one here.
"""

import numpy as np

from varlayers.activations import ACTIVATIONS
from varlayers.estimators import Flipout
from varlayers.layers import (
    Activation,
    AveragePool,
    Convolution,
    ConvolutionTranspose,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool,
    GlobalMaxPool,
    LayerNorm,
    MaxPool,
    Reshape,
    Residual,
    Sequential,
    UpSampling,
)
from varlayers.priors import NormalPrior, StudentTPrior

_ARRAY_PRIOR = NormalPrior(np.array([0.1, -0.2]), np.array([[0.5], [1.0], [2.0]]))
_TO_3 = Dense(4, 3, estimator="reparameterization", prior="width-scaled normal")
_SHARED = Dense(3, 3, estimator="local", bias="normal")

# Of each class: name -> (layer, shape of x).
LAYER_EXAMPLES = {
    "Activation": {
        "by name": (Activation("tanh"), (4, 3)),
        "large": (Activation("softplus"), (70, 65)),
        "a pair": (Activation(ACTIVATIONS["gelu"]), (2, 4, 3)),
    },
    "AveragePool": {
        "default": (AveragePool(2), (2, 5, 4, 3)),
        "edges": (
            AveragePool(3, rank=1, strides=2, padding="same", dilations=2),
            (2, 2, 7, 3),
        ),
        "edges counted, channels first": (
            AveragePool(
                *((2, 1, 3),),
                strides=1,
                padding=(1, 0, (0, 2)),
                count_padding=True,
                data_format="channels_first",
            ),
            (2, 2, 3, 2, 3),
        ),
    },
    "Convolution": {
        "default": (Convolution(2, 3, 3), (2, 5, 4, 2)),
        "causal": (
            Convolution(2, 4, 2, rank=1, padding="causal", dilations=2, groups=2),
            (3, 5, 2),
        ),
        "local, channels first": (
            Convolution(
                *(2, 3, (2, 1, 2)),
                strides=2,
                padding="same",
                data_format="channels_first",
                estimator="local",
                bias="normal",
            ),
            (2, 2, 3, 2, 4),
        ),
    },
    "ConvolutionTranspose": {
        "default": (ConvolutionTranspose(2, 3, 2, strides=3), (2, 2, 3, 2)),
        "padded": (
            ConvolutionTranspose(
                *(2, 4, (3,)),
                strides=2,
                padding="same",
                groups=2,
                output_padding=0,
                data_format="channels_first",
                estimator="reparameterization",
                bias="normal",
                bias_prior="normal",
            ),
            (3, 2, 4),
        ),
        "local": (
            ConvolutionTranspose(
                *(2, 1, (2, 3)),
                strides=(2, 1),
                padding=((0, 1), 1),
                output_size=(6, 3),
                estimator="local",
            ),
            (2, 3, 3, 2),
        ),
    },
    "Dense": {
        "default": (Dense(3, 2), (5, 3)),
        "local": (
            Dense(3, 2, estimator="local", bias="normal", bias_prior="normal"),
            (5, 3),
        ),
        "element signs": (
            Dense(3, 2, estimator=Flipout("element"), prior=_ARRAY_PRIOR, bias=None),
            (2, 4, 3),
        ),
        "learned priors": (
            Dense(
                *(3, 2),
                prior=StudentTPrior(0.1, np.ones(2), trainable=("loc", "scale")),
                bias="normal",
                bias_prior=NormalPrior(trainable=("scale",)),
                divergence_weight=0.5,
            ),
            (5, 3),
        ),
        "large": (  # enough elements for the passes of NumPy's kernels
            Dense(70, 65, prior=NormalPrior(0.1, np.linspace(0.5, 2.0, 65))),
            (3, 70),
        ),
        "point": (
            Dense(3, 2, posterior="point", prior=_ARRAY_PRIOR, bias_prior="normal"),
            (5, 3),
        ),
    },
    "Dropout": {"default": (Dropout(), (4, 3)), "none": (Dropout(0.0), (4, 3))},
    "Flatten": {"default": (Flatten(), (2, 4, 3)), "one axis": (Flatten(), (3,))},
    "GlobalAveragePool": {
        "default": (GlobalAveragePool(), (2, 3, 4, 2)),
        "channels first": (
            GlobalAveragePool(1, keepdims=True, data_format="channels_first"),
            (2, 2, 3, 4),
        ),
    },
    "GlobalMaxPool": {
        "default": (GlobalMaxPool(), (2, 3, 4, 2)),
        "channels first": (
            GlobalMaxPool(3, keepdims=True, data_format="channels_first"),
            (2, 2, 3, 1, 2),
        ),
    },
    "LayerNorm": {
        "default": (LayerNorm(4), (3, 4)),
        "positions": (LayerNorm(4, eps=0.1), (2, 3, 4)),
        "one example": (LayerNorm(4), (4,)),
    },
    "MaxPool": {
        "default": (MaxPool(2), (2, 5, 4, 3)),
        "overlapping": (
            MaxPool((3, 2), strides=(2, 1), padding="same", dilations=(1, 2)),
            (2, 5, 4, 2),
        ),
        "channels first": (
            MaxPool(
                2, rank=1, strides=3, padding=((1, 0),), data_format="channels_first"
            ),
            (2, 2, 3, 7),
        ),
    },
    "Reshape": {
        "default": (Reshape((2, -1, 3)), (4, 6, 2)),
        "flat": (Reshape((12,)), (2, 4, 3)),
    },
    "Residual": {
        "identity": (Residual(Dense(3, 3, bias_prior="normal")), (5, 3)),
        "shortcut": (
            Residual(Dense(3, 2, bias="normal"), Dense(3, 2, estimator="local")),
            (5, 3),
        ),
        "no parameters": (Residual(Activation("silu"), Dropout(0.3)), (4, 3)),
    },
    "Sequential": {
        "network": (
            Sequential(
                [
                    Flatten(),
                    Dense(12, 6, estimator="local"),
                    LayerNorm(6),
                    Activation("elu"),
                    Dropout(0.2),
                    Dense(6, 2, estimator="reparameterization", bias="normal"),
                ]
            ),
            (5, 4, 3),
        ),
        "nested": (
            Sequential(
                [
                    Residual(
                        Sequential([Dense(3, 4), Activation("gelu"), Dense(4, 3)])
                    ),
                    Sequential([Activation("softplus"), Residual(LayerNorm(3))]),
                ]
            ),
            (5, 3),
        ),
        "one layer twice": (Sequential([_SHARED, Activation("tanh"), _SHARED]), (5, 3)),
        "no parameters": (Sequential([Activation("silu"), Flatten()]), (2, 4, 3)),
    },
    "UpSampling": {
        "default": (UpSampling(2), (2, 3, 2, 3)),
        "linear": (UpSampling((2, 3), interpolation="linear"), (2, 3, 1, 2)),
        "linear, channels first": (
            UpSampling(
                *(4,), interpolation="linear", rank=1, data_format="channels_first"
            ),
            (2, 2, 3, 5),
        ),
    },
}
EVERY_LAYER = {
    f"{kind} {name}": example
    for kind, examples in LAYER_EXAMPLES.items()
    for name, example in examples.items()
}
