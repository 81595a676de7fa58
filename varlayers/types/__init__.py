"""The shared vocabulary: what an array, a map, an estimator, a posterior, a layer is.

Only types live here. Every computing file implements one of these protocols and
imports nothing above it, so a new map, estimator, posterior, prior, divergence or
layer is one file and one line in its folder's registry.

Names used throughout:

    k        the `Kernels` of the array library in use
    f        a bilinear map f(x, w)
    q        a posterior's constrained parameters, a flat tuple of arrays
    noise    named random arrays of one forward pass, drawn from a key or supplied
    saved    what a backward pass needs, a tuple of arrays that nobody changes
"""

from varlayers.types.arrays import Array, Noise, Params, Saved, Shape
from varlayers.types.beliefs import (
    Comparison,
    DensityPrior,
    Divergence,
    ElementwisePrior,
    Prior,
)
from varlayers.types.models import (
    DiscreteLikelihood,
    Layer,
    Likelihood,
    Optimizer,
    Schedule,
)
from varlayers.types.parts import (
    Estimator,
    EstimatorGrads,
    FlippedWeight,
    Initializer,
    Map,
    Posterior,
    RandomPosterior,
    Site,
)

__all__ = [
    "Array",
    "Comparison",
    "DensityPrior",
    "DiscreteLikelihood",
    "Divergence",
    "ElementwisePrior",
    "Estimator",
    "EstimatorGrads",
    "FlippedWeight",
    "Initializer",
    "Layer",
    "Likelihood",
    "Map",
    "Noise",
    "Optimizer",
    "Params",
    "Posterior",
    "Prior",
    "RandomPosterior",
    "Saved",
    "Schedule",
    "Shape",
    "Site",
]
