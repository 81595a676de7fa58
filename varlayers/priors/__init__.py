"""Priors over one weight array, one file each."""

from varlayers.priors.normal import NormalPrior

__all__ = ["PRIORS", "NormalPrior"]

PRIORS = {
    "normal": NormalPrior(),
    "width-scaled normal": NormalPrior(width_scaled=True),
}
