"""Estimators: how the noise of a weight enters a bilinear map. One file each."""

from varlayers.estimators.deterministic import Deterministic
from varlayers.estimators.flipout import Flipout
from varlayers.estimators.local_reparameterization import LocalReparameterization
from varlayers.estimators.reparameterization import Reparameterization

__all__ = [
    "ESTIMATORS",
    "Deterministic",
    "Flipout",
    "LocalReparameterization",
    "Reparameterization",
]

ESTIMATORS = {
    "reparameterization": Reparameterization(),
    "local": LocalReparameterization(),
    "flipout": Flipout(),
}
