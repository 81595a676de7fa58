"""What `prune` returns: the smaller model, its mask, and what went from where."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from varlayers.tables import table
from varlayers.types import Layer, Shape

__all__ = ["Count", "Pruned"]

_HEADER = ("Name", "Layer", "Shape", "Weights", "Pruned", "Kept", "Gone")
_LEFT_ALIGNED = 3


class Count(NamedTuple):
    """What went from one weight array.

    Attributes:
        name: dotted name of its parameters.
        layer: the class of its layer.
        shape: of the array now; smaller than it was if it shrank.
        size: how many weights there were.
        pruned: how many of them went.
    """

    name: str
    layer: str
    shape: Shape
    size: int
    pruned: int

    @property
    def kept(self) -> int:
        """How many weights remain."""
        return self.size - self.pruned


class Pruned(NamedTuple):
    """A pruned model.

    Attributes:
        layer: the layer; the one that came, unless it was made deterministic or shrank.
        params: its parameters.
        mask: nested as the parameters; arrays of booleans, true where a number remains.
            Biases and what else was not considered are left out. `Masked` holds the
            rest still when training goes on.
        counts: of each weight array that was considered, in order.
    """

    layer: Layer
    params: dict[str, Any]
    mask: Mapping[str, Any]
    counts: tuple[Count, ...]

    @property
    def sparsity(self) -> float:
        """The part of the weights that went, from 0 to 1; 0 if there were none."""
        total = self._total
        return total.pruned / total.size if total.size else 0.0

    @property
    def table(self) -> str:
        """What went from which layer, as lines of text."""
        rows = [_cells(count, str(count.shape)) for count in self.counts]
        return table(_HEADER, rows, _cells(self._total, ""), _LEFT_ALIGNED)

    @property
    def _total(self) -> Count:
        size = sum(count.size for count in self.counts)
        pruned = sum(count.pruned for count in self.counts)
        return Count("", "Total", (), size, pruned)


def _cells(count: Count, shape: str) -> tuple[str, ...]:
    numbers = (f"{n:,}" for n in (count.size, count.pruned, count.kept))
    gone = f"{count.pruned / count.size:.1%}" if count.size else ""
    return (count.name, count.layer, shape, *numbers, gone)
