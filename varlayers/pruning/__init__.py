"""Pruning: weights that say little are removed, and the model gets smaller."""

from varlayers.pruning.removal import prune
from varlayers.pruning.pruned import Count, Pruned

__all__ = ["Count", "Pruned", "prune"]
