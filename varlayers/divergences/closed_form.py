"""Divergences in closed form, found by the types of posterior and prior.

A user's own pair joins by `CLOSED_FORMS[MyPosterior, MyPrior] = my_divergence`. A
subclass is another type: it may have changed what the formula knows of its parent.
"""

from dataclasses import dataclass

from varlayers.divergences.laplace_prior import kl_laplace_laplace, kl_normal_laplace
from varlayers.divergences.log_uniform import (
    kl_multiplicative_log_uniform,
    kl_normal_log_uniform,
)
from varlayers.divergences.moments_normal import kl_moments_normal
from varlayers.divergences.normal_normal import kl_normal_normal
from varlayers.divergences.point import neg_log_prior
from varlayers.divergences.rank1 import kl_rank1
from varlayers.kernels import Kernels
from varlayers.posteriors import (
    FullCovarianceNormal,
    LowRankNormal,
    MatrixNormal,
    MeanFieldLaplace,
    MeanFieldNormal,
    MultiplicativeNormal,
    Radial,
    Rank1Normal,
)
from varlayers.priors import (
    HorseshoePrior,
    LaplacePrior,
    LogUniformPrior,
    NormalPrior,
    ScaleMixturePrior,
    StudentTPrior,
)
from varlayers.types import Array, Comparison, Divergence, Params, Posterior, Prior

__all__ = ["CLOSED_FORMS", "ClosedForm"]

_CORRELATED = (FullCovarianceNormal, LowRankNormal, MatrixNormal)
_WITH_DENSITY = (
    HorseshoePrior,
    LaplacePrior,
    NormalPrior,
    ScaleMixturePrior,
    StudentTPrior,
)

CLOSED_FORMS: dict[tuple[type, type], Divergence] = {
    (MeanFieldNormal, NormalPrior): kl_normal_normal,
    (MeanFieldNormal, LaplacePrior): kl_normal_laplace,
    (MeanFieldNormal, LogUniformPrior): kl_normal_log_uniform,
    (MeanFieldLaplace, NormalPrior): kl_moments_normal,
    (MeanFieldLaplace, LaplacePrior): kl_laplace_laplace,
    (MultiplicativeNormal, NormalPrior): kl_moments_normal,
    (MultiplicativeNormal, LaplacePrior): kl_normal_laplace,
    (MultiplicativeNormal, LogUniformPrior): kl_multiplicative_log_uniform,
    (Radial, NormalPrior): kl_moments_normal,
    **{(posterior, NormalPrior): kl_moments_normal for posterior in _CORRELATED},
    **{(posterior, LaplacePrior): kl_normal_laplace for posterior in _CORRELATED},
    **{(Rank1Normal, prior): kl_rank1 for prior in _WITH_DENSITY},
}


@dataclass(frozen=True)
class ClosedForm:
    """KL by a formula; for a posterior without noise, -log p at its point (MAP)."""

    def needs(self, posterior: Posterior, prior: Prior) -> str | None:
        if _find(posterior, prior) is not None:
            return None
        return (
            "a prior with a density"
            if posterior.deterministic
            else "a pair in varlayers.divergences.CLOSED_FORMS"
        )

    def __call__(
        self, k: Kernels, pair: Comparison, weight: float, dparams: Params
    ) -> tuple[Array, dict[str, Array], dict[str, Array]]:
        formula = _find(pair.posterior, pair.prior)
        if formula is None:
            msg = (
                f"ClosedForm has no formula for {type(pair.posterior).__name__} and "
                f"{type(pair.prior).__name__}. Add one to CLOSED_FORMS."
            )
            raise NotImplementedError(msg)
        return formula(k, pair, weight, dparams)


def _find(posterior: Posterior, prior: Prior) -> Divergence | None:
    formula = CLOSED_FORMS.get((type(posterior), type(prior)))
    if formula is None and posterior.deterministic and hasattr(prior, "log_prob"):
        return neg_log_prior
    return formula
