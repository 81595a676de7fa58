"""The face of `tfp.experimental.nn`: its layers by their names, arguments and defaults.

Each is a layer of varlayers in a `Stateful`. Beside the layers, `initializers`,
`losses` and `util` have the names that they have there.
"""

from varlayers.compat.tfn import initializers, losses, util
from varlayers.compat.tfn.affine import (
    Affine,
    AffineVariationalFlipout,
    AffineVariationalReparameterization,
    AffineVariationalReparameterizationLocal,
)
from varlayers.compat.tfn.convolution import (
    Convolution,
    ConvolutionTranspose,
    ConvolutionTransposeVariationalFlipout,
    ConvolutionTransposeVariationalReparameterization,
    ConvolutionTransposeVariationalReparameterizationLocal,
    ConvolutionV2,
    ConvolutionVariationalFlipout,
    ConvolutionVariationalFlipoutV2,
    ConvolutionVariationalReparameterization,
    ConvolutionVariationalReparameterizationLocal,
    ConvolutionVariationalReparameterizationV2,
)
from varlayers.compat.tfn.layer import Layer, VariationalLayer
from varlayers.compat.tfn.sequential import Sequential
from varlayers.compat.tfn.weights import (
    make_kernel_bias,
    make_kernel_bias_posterior_mvn_diag,
    make_kernel_bias_prior_spike_and_slab,
    unpack_kernel_and_bias,
)

__all__ = [
    "Affine",
    "AffineVariationalFlipout",
    "AffineVariationalReparameterization",
    "AffineVariationalReparameterizationLocal",
    "Convolution",
    "ConvolutionTranspose",
    "ConvolutionTransposeVariationalFlipout",
    "ConvolutionTransposeVariationalReparameterization",
    "ConvolutionTransposeVariationalReparameterizationLocal",
    "ConvolutionV2",
    "ConvolutionVariationalFlipout",
    "ConvolutionVariationalFlipoutV2",
    "ConvolutionVariationalReparameterization",
    "ConvolutionVariationalReparameterizationLocal",
    "ConvolutionVariationalReparameterizationV2",
    "Layer",
    "Sequential",
    "VariationalLayer",
    "initializers",
    "losses",
    "make_kernel_bias",
    "make_kernel_bias_posterior_mvn_diag",
    "make_kernel_bias_prior_spike_and_slab",
    "unpack_kernel_and_bias",
    "util",
]
