"""What `prune` checks before it looks at a weight."""

import math
from collections.abc import Mapping

from varlayers.pruning.scores import CRITERIA
from varlayers.types import Params

__all__ = ["check_arguments"]

_SCOPES, _TARGETS = ("global", "layer"), ("deterministic", "same")


def check_arguments(
    params: Params,
    fraction: float | None,
    threshold: float | None,
    criterion: str | None,
    scope: str,
    to: str,
) -> None:
    """Raise unless every argument is one that `prune` takes, and they fit."""
    if not isinstance(params, Mapping):
        msg = (
            f"prune expected `params`, the dict that init returns, "
            f"got {type(params).__name__}."
        )
        raise TypeError(msg)
    if (fraction is None) == (threshold is None):
        msg = (
            f"prune expected one of `fraction` and `threshold`, got "
            f"fraction={fraction} and threshold={threshold}."
        )
        raise ValueError(msg)
    if fraction is not None and not 0 <= fraction <= 1:
        msg = f"prune expected 0 <= `fraction` <= 1, got {fraction}."
        raise ValueError(msg)
    if threshold is not None and criterion != "log alpha" and not threshold >= 0:
        msg = f"prune expected `threshold` >= 0, got {threshold}."
        raise ValueError(msg)
    if threshold is not None and math.isnan(threshold):
        msg = "prune expected a number for `threshold`, got nan."
        raise ValueError(msg)
    for argument, value, choices in (
        ("criterion", criterion, (None, *CRITERIA)),
        ("scope", scope, _SCOPES),
        ("to", to, _TARGETS),
    ):
        if value not in choices:
            msg = f"prune expected `{argument}` in {list(choices)}, got {value!r}."
            raise ValueError(msg)
