"""Layers: frozen descriptions whose parameters are passed in and out. One file each."""

from varlayers.layers.activation import Activation
from varlayers.layers.average_pool import AveragePool
from varlayers.layers.convolution import Convolution
from varlayers.layers.convolution_transpose import ConvolutionTranspose
from varlayers.layers.dense import Dense
from varlayers.layers.dropout import Dropout
from varlayers.layers.flatten import Flatten
from varlayers.layers.global_average_pool import GlobalAveragePool
from varlayers.layers.global_max_pool import GlobalMaxPool
from varlayers.layers.layer_norm import LayerNorm
from varlayers.layers.max_pool import MaxPool
from varlayers.layers.reshape import Reshape
from varlayers.layers.residual import Residual
from varlayers.layers.sequential import Sequential
from varlayers.layers.up_sampling import UpSampling

__all__ = [
    "LAYERS",
    "Activation",
    "AveragePool",
    "Convolution",
    "ConvolutionTranspose",
    "Dense",
    "Dropout",
    "Flatten",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "LayerNorm",
    "MaxPool",
    "Reshape",
    "Residual",
    "Sequential",
    "UpSampling",
]

LAYERS = {
    layer.__name__: layer
    for layer in (
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
}
