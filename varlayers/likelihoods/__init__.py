"""Likelihoods p(target | model output), one file each."""

from varlayers.likelihoods.bernoulli import Bernoulli
from varlayers.likelihoods.categorical import Categorical
from varlayers.likelihoods.heteroscedastic_normal import HeteroscedasticNormal
from varlayers.likelihoods.normal import Normal
from varlayers.likelihoods.normal_learned_scale import NormalLearnedScale
from varlayers.likelihoods.poisson import Poisson
from varlayers.types import Likelihood

__all__ = [
    "LIKELIHOODS",
    "Bernoulli",
    "Categorical",
    "HeteroscedasticNormal",
    "Normal",
    "NormalLearnedScale",
    "Poisson",
]

LIKELIHOODS: dict[str, type[Likelihood]] = {
    "categorical": Categorical,
    "bernoulli": Bernoulli,
    "normal": Normal,
    "learned-scale normal": NormalLearnedScale,
    "heteroscedastic normal": HeteroscedasticNormal,
    "poisson": Poisson,
}
