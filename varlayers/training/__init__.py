"""Training: `fit` and what it uses."""

from varlayers.training.early_stopping import EarlyStopping
from varlayers.training.loop import fit

__all__ = ["EarlyStopping", "fit"]
