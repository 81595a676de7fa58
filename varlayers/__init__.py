"""Bayesian neural-network layers for any array library.

Everything a user needs is here; a name is imported when it is first used, so
`import varlayers` costs little more than `import numpy`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from varlayers.elbo import ELBO, Loss
    from varlayers.estimators import (
        Flipout,
        LocalReparameterization,
        Reparameterization,
    )
    from varlayers.layers import (
        Activation,
        Dense,
        Dropout,
        Flatten,
        LayerNorm,
        Residual,
        Sequential,
    )
    from varlayers.posteriors import MeanFieldNormal, Point
    from varlayers.priors import NormalPrior
    from varlayers.random import fold_in, key, native, split

__version__ = "0.1.0"

_HOME = {
    "ELBO": "elbo",
    "Loss": "elbo",
    "Flipout": "estimators",
    "LocalReparameterization": "estimators",
    "Reparameterization": "estimators",
    "Activation": "layers",
    "Dense": "layers",
    "Dropout": "layers",
    "Flatten": "layers",
    "LayerNorm": "layers",
    "Residual": "layers",
    "Sequential": "layers",
    "MeanFieldNormal": "posteriors",
    "Point": "posteriors",
    "NormalPrior": "priors",
    "fold_in": "random",
    "key": "random",
    "native": "random",
    "split": "random",
}

__all__ = [
    "ELBO",
    "Activation",
    "Dense",
    "Dropout",
    "Flatten",
    "Flipout",
    "LayerNorm",
    "LocalReparameterization",
    "Loss",
    "MeanFieldNormal",
    "NormalPrior",
    "Point",
    "Reparameterization",
    "Residual",
    "Sequential",
    "fold_in",
    "key",
    "native",
    "split",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        msg = f"module 'varlayers' has no attribute {name!r}"
        raise AttributeError(msg)
    value = getattr(import_module(f"varlayers.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
