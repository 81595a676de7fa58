"""What layers without layers inside have in common."""

from varlayers.types import Layer, Shape

__all__ = ["Leaf"]


class Leaf:
    """A layer that contains no other."""

    def children(
        self, x_shape: Shape | None = None
    ) -> dict[str, tuple[Layer, Shape | None]]:
        return {}
