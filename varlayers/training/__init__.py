"""Training: `fit` and what it uses."""

from varlayers.training.early_stopping import EarlyStopping
from varlayers.training.loop import fit
from varlayers.training.step import TrainingStep

__all__ = ["EarlyStopping", "TrainingStep", "fit"]
