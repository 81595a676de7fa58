"""Every estimator of the registry, and what their options make of them."""

from varlayers.estimators import ESTIMATORS, Flipout, LocalReparameterization

EVERY_ESTIMATOR = ESTIMATORS | {
    "local, shared bias": LocalReparameterization(bias="shared"),
    "flipout, element": Flipout(signs="element"),
}
