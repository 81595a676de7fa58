"""Arguments of a layer as JSON can hold them, and back."""

from typing import Any

import numpy as np

from varlayers.serialization import describe, rebuild
from varlayers.serialization.description import Description

__all__ = ["pack", "unpack"]


def pack(value: Any) -> Any:
    """Return a description that JSON can hold, arrays included."""
    content, arrays = describe(value)
    if not arrays:
        return content
    lists = {name: array.tolist() for name, array in arrays.items()}
    return {"content": content, "arrays": lists}


def unpack(content: Any) -> Any:
    """Return what `pack` was given."""
    arrays = {}
    if isinstance(content, dict) and "arrays" in content:
        arrays = {name: np.asarray(a) for name, a in content["arrays"].items()}
        content = content["content"]
    return rebuild(Description(content, arrays))
