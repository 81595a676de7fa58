"""Priors over one weight array, one file each."""

from varlayers.priors.horseshoe import HorseshoePrior
from varlayers.priors.laplace import LaplacePrior
from varlayers.priors.log_uniform import LogUniformPrior
from varlayers.priors.normal import NormalPrior
from varlayers.priors.scale_mixture import ScaleMixturePrior
from varlayers.priors.student_t import StudentTPrior
from varlayers.priors.unused import Unused
from varlayers.types import Prior

__all__ = [
    "PRIORS",
    "HorseshoePrior",
    "LaplacePrior",
    "LogUniformPrior",
    "NormalPrior",
    "ScaleMixturePrior",
    "StudentTPrior",
    "Unused",
]

PRIORS: dict[str, Prior] = {
    "normal": NormalPrior(),
    "width-scaled normal": NormalPrior(width_scaled=True),
    "laplace": LaplacePrior(),
    "student t": StudentTPrior(),
    "spike and slab": ScaleMixturePrior(),
    "horseshoe": HorseshoePrior(),
    "log-uniform": LogUniformPrior(),
}
