"""The face of `tfp.layers`, and of R's tfprobability: Keras layers by their names.

Each is a layer of varlayers in a `Stateful`, with the arguments and the defaults of
`tfp.layers`. The size of the input is taken from the first call. What is left out says
where to find the same.
"""

from typing import Any

from varlayers.compat.naming import absent
from varlayers.compat.tfl.convolution import (
    Convolution1DFlipout,
    Convolution1DLocalReparameterization,
    Convolution1DReparameterization,
    Convolution1DTransposeFlipout,
    Convolution1DTransposeLocalReparameterization,
    Convolution1DTransposeReparameterization,
    Convolution2DFlipout,
    Convolution2DLocalReparameterization,
    Convolution2DReparameterization,
    Convolution2DTransposeFlipout,
    Convolution2DTransposeLocalReparameterization,
    Convolution2DTransposeReparameterization,
    Convolution3DFlipout,
    Convolution3DLocalReparameterization,
    Convolution3DReparameterization,
    Convolution3DTransposeFlipout,
    Convolution3DTransposeLocalReparameterization,
    Convolution3DTransposeReparameterization,
)
from varlayers.compat.tfl.dense import (
    DenseFlipout,
    DenseLocalReparameterization,
    DenseReparameterization,
)
from varlayers.compat.tfl.dense_variational import DenseVariational
from varlayers.compat.tfl.functions import (
    RandomNormal,
    default_loc_scale_fn,
    default_mean_field_normal_fn,
    default_multivariate_normal_fn,
    kl_divergence,
)
from varlayers.compat.tfl.regularizers import L1L2

__all__ = [
    "L1L2",
    "Convolution1DFlipout",
    "Convolution1DLocalReparameterization",
    "Convolution1DReparameterization",
    "Convolution1DTransposeFlipout",
    "Convolution1DTransposeLocalReparameterization",
    "Convolution1DTransposeReparameterization",
    "Convolution2DFlipout",
    "Convolution2DLocalReparameterization",
    "Convolution2DReparameterization",
    "Convolution2DTransposeFlipout",
    "Convolution2DTransposeLocalReparameterization",
    "Convolution2DTransposeReparameterization",
    "Convolution3DFlipout",
    "Convolution3DLocalReparameterization",
    "Convolution3DReparameterization",
    "Convolution3DTransposeFlipout",
    "Convolution3DTransposeLocalReparameterization",
    "Convolution3DTransposeReparameterization",
    "DenseFlipout",
    "DenseLocalReparameterization",
    "DenseReparameterization",
    "DenseVariational",
    "RandomNormal",
    "default_loc_scale_fn",
    "default_mean_field_normal_fn",
    "default_multivariate_normal_fn",
    "kl_divergence",
]

_LIKELIHOODS = (
    "What the outputs mean is a likelihood: vl.Normal(…), vl.Categorical(), …."
)
_PRIORS = "Priors and divergences of weights are arguments of the layers."
_ELSEWHERE = {
    "AutoregressiveTransform": "Flows are not part of varlayers.",
    "BlockwiseInitializer": "A posterior makes its own first values.",
    "CategoricalMixtureOfOneHotCategorical": _LIKELIHOODS,
    "DistributionLambda": _LIKELIHOODS,
    "IndependentBernoulli": _LIKELIHOODS,
    "IndependentLogistic": _LIKELIHOODS,
    "IndependentNormal": _LIKELIHOODS,
    "IndependentPoisson": _LIKELIHOODS,
    "KLDivergenceAddLoss": _PRIORS,
    "KLDivergenceRegularizer": _PRIORS,
    "MixtureLogistic": _LIKELIHOODS,
    "MixtureNormal": _LIKELIHOODS,
    "MixtureSameFamily": _LIKELIHOODS,
    "MultivariateNormalTriL": _LIKELIHOODS,
    "OneHotCategorical": _LIKELIHOODS,
    "VariableLayer": "A posterior of DenseVariational holds what is learned of it.",
    "VariationalGaussianProcess": "Gaussian processes are not part of varlayers.",
    "util": "Layers are configured by get_config, which is JSON.",
    "weight_norm": "Weight normalization is not part of varlayers.",
}


def __getattr__(name: str) -> Any:
    msg = absent(__name__, name, _ELSEWHERE)
    raise AttributeError(msg)
