"""Pruning: weights that say little are removed, and the model gets smaller."""

from varlayers.pruning.pruned import Count, Pruned
from varlayers.pruning.removal import prune

__all__ = ["Count", "Pruned", "prune"]
