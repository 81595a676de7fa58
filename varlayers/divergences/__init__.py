"""Divergences of a posterior from a prior, one file each, found by the two types.

A user's own pair joins by `DIVERGENCES[MyPosterior, MyPrior] = my_divergence`.
"""

from varlayers.divergences.normal_normal import kl_normal_normal
from varlayers.divergences.point_normal import neg_log_prior_point_normal
from varlayers.posteriors import MeanFieldNormal, Point
from varlayers.priors import NormalPrior
from varlayers.types import Divergence, Posterior, Prior

__all__ = ["DIVERGENCES", "divergence_of"]

DIVERGENCES: dict[tuple[type, type], Divergence] = {
    (MeanFieldNormal, NormalPrior): kl_normal_normal,
    (Point, NormalPrior): neg_log_prior_point_normal,
}


def divergence_of(posterior: Posterior, prior: Prior) -> Divergence:
    """Return the divergence registered for the types of posterior and prior.

    Raises:
        NotImplementedError: if there is none.
    """
    try:
        return DIVERGENCES[type(posterior), type(prior)]
    except KeyError:
        msg = (
            f"No divergence of {type(posterior).__name__} from "
            f"{type(prior).__name__} is registered. "
            "Add one to varlayers.divergences.DIVERGENCES."
        )
        raise NotImplementedError(msg) from None
