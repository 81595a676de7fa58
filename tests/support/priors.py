"""Examples of every prior with a density: the rows of the tests that hold for all.

A new prior joins by its line in `PRIORS` and one here.
"""

import numpy as np

from varlayers.priors import (
    PRIORS,
    HorseshoePrior,
    LaplacePrior,
    NormalPrior,
    ScaleMixturePrior,
    StudentTPrior,
)

SHAPE = (3, 2)
_ARRAYS = {"loc": np.array([0.3, -1.0]), "scale": np.array([[0.5], [1.0], [2.0]])}
_LEARNED = {"trainable": ("loc", "scale")}

# Of each class: name -> prior.
PRIOR_EXAMPLES = {
    "HorseshoePrior": {  # so wide that differences see its spike as smooth
        "learned": HorseshoePrior(0.3, 200.0, trainable=("scale",))
    },
    "LaplacePrior": {
        "numbers": LaplacePrior(0.3, 0.7),
        "learned": LaplacePrior(-0.4, np.array([0.5, 2.0]), **_LEARNED),
    },
    "NormalPrior": {
        "numbers": NormalPrior(0.3, 0.7),
        "arrays": NormalPrior(**_ARRAYS),
        "full arrays": NormalPrior(np.full(SHAPE, 0.2), np.full(SHAPE, 1.5)),
        "width-scaled": NormalPrior(0.1, np.array([0.5, 2.0]), width_scaled=True),
        "learned": NormalPrior(**_ARRAYS, **_LEARNED),
        "learned scale": NormalPrior(0.1, 2, width_scaled=True, trainable=("scale",)),
    },
    "ScaleMixturePrior": {
        "spike and slab": ScaleMixturePrior(),
        "three, learned": ScaleMixturePrior(
            **_ARRAYS,
            **_LEARNED,
            scales=(0.5, 1, 10),
            probabilities=(0.2, 0.5, 0.3),
        ),
        "all learned": ScaleMixturePrior(
            0.3,
            trainable=("loc", "scale", "scales", "probabilities"),
            scales=(0.5, 1, 10),
            probabilities=(0.2, 0.5, 0.3),
        ),
    },
    "StudentTPrior": {
        "numbers": StudentTPrior(0.3, 0.7),
        "learned": StudentTPrior(**_ARRAYS, **_LEARNED, df=1.5, width_scaled=True),
        "all learned": StudentTPrior(0.3, 2, trainable=("loc", "scale", "df"), df=1.5),
    },
}
DENSITIES = {
    name: prior for name, prior in PRIORS.items() if hasattr(prior, "log_prob")
}
EVERY_PRIOR = {
    f"{kind} {name}": prior
    for kind, examples in PRIOR_EXAMPLES.items()
    for name, prior in examples.items()
}
