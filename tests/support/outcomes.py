"""Made-up outcomes of the demo's networks, for its report and picture."""

import numpy as np

from varlayers.demo.networks import BAYESIAN, DETERMINISTIC, DROPOUT
from varlayers.demo.trial import Outcome

COUNT = 12


def make_outcome(seed, errors=2, measure="mutual information"):
    """Return an outcome of COUNT digits, the first `errors` of them wrong."""
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(10, 0.3), COUNT)
    return Outcome(
        probabilities=p,
        lower=0.5 * p,
        upper=0.5 * (1 + p),
        wrong=np.arange(COUNT) < errors,
        measure=measure,
        doubt={
            "digits": np.linspace(1.0, 0.0, COUNT),
            "shuffled": np.full(COUNT, 0.5),
            "noise": np.full(COUNT, 2.0),
        },
        accuracy=1 - errors / COUNT,
        nll=0.125,
        calibration_error=0.0625,
    )


def make_outcomes(errors=2):
    """Return one of each network."""
    return {
        BAYESIAN: make_outcome(0, errors),
        DETERMINISTIC: make_outcome(1, errors, "entropy"),
        DROPOUT: make_outcome(2, errors),
    }
