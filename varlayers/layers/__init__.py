"""Layers: frozen descriptions whose parameters are passed in and out. One file each."""

from varlayers.layers.activation import Activation
from varlayers.layers.convolution import Convolution
from varlayers.layers.convolution_transpose import ConvolutionTranspose
from varlayers.layers.dense import Dense
from varlayers.layers.dropout import Dropout
from varlayers.layers.flatten import Flatten
from varlayers.layers.layer_norm import LayerNorm
from varlayers.layers.residual import Residual
from varlayers.layers.sequential import Sequential

__all__ = [
    "LAYERS",
    "Activation",
    "Convolution",
    "ConvolutionTranspose",
    "Dense",
    "Dropout",
    "Flatten",
    "LayerNorm",
    "Residual",
    "Sequential",
]

LAYERS = {
    layer.__name__: layer
    for layer in (
        Activation,
        Convolution,
        ConvolutionTranspose,
        Dense,
        Dropout,
        Flatten,
        LayerNorm,
        Residual,
        Sequential,
    )
}
