"""Divergences of a posterior from a prior, one file each, the best available first."""

from varlayers.divergences.closed_form import CLOSED_FORMS, ClosedForm
from varlayers.divergences.f_divergence import FDivergence
from varlayers.divergences.generators import GENERATORS
from varlayers.divergences.monte_carlo import MonteCarlo
from varlayers.divergences.quadrature import Quadrature
from varlayers.divergences.renyi import Renyi
from varlayers.types import Divergence, Posterior, Prior

__all__ = [
    "CLOSED_FORMS",
    "DIVERGENCES",
    "GENERATORS",
    "ClosedForm",
    "FDivergence",
    "MonteCarlo",
    "Quadrature",
    "Renyi",
    "divergence_of",
]

DIVERGENCES: dict[str, Divergence] = {
    "closed form": ClosedForm(),
    "quadrature": Quadrature(),
    "monte carlo": MonteCarlo(),
}


def divergence_of(
    posterior: Posterior, prior: Prior, choice: Divergence | None = None
) -> Divergence:
    """Return the divergence of a pair: the choice, or the first of `DIVERGENCES`.

    Raises:
        NotImplementedError: if it cannot compare the two, or none can.
    """
    candidates = DIVERGENCES.values() if choice is None else (choice,)
    lacks = []
    for divergence in candidates:
        needs = getattr(divergence, "needs", None)
        lack = None if needs is None else needs(posterior, prior)
        if lack is None:
            return divergence
        lacks.append(f"{type(divergence).__name__} needs {lack}")
    msg = (
        f"Expected a divergence of {type(posterior).__name__} from "
        f"{type(prior).__name__}: {'; '.join(lacks)}."
    )
    raise NotImplementedError(msg)
