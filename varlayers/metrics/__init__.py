"""Figures of merit of predictions: floats, from arrays of any array library."""

from varlayers.metrics.calibration import (
    Reliability,
    expected_calibration_error,
    reliability,
)
from varlayers.metrics.classification import accuracy, brier, nll
from varlayers.metrics.ranking import auroc
from varlayers.metrics.regression import (
    crps_ensemble,
    crps_normal,
    interval_coverage,
    normal_mixture_nll,
    rmse,
)

__all__ = [
    "Reliability",
    "accuracy",
    "auroc",
    "brier",
    "crps_ensemble",
    "crps_normal",
    "expected_calibration_error",
    "interval_coverage",
    "nll",
    "normal_mixture_nll",
    "reliability",
    "rmse",
]
