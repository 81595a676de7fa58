"""Save and load: descriptions as JSON, arrays as named tensors, in one file."""

from varlayers.serialization.description import Description, describe
from varlayers.serialization.models import (
    check_params,
    load,
    load_state,
    model_of,
    save,
    save_state,
)
from varlayers.serialization.rebuilding import rebuild
from varlayers.serialization.registry import register_class

__all__ = [
    "Description",
    "check_params",
    "describe",
    "load",
    "load_state",
    "model_of",
    "rebuild",
    "register_class",
    "save",
    "save_state",
]
