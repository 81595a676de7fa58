"""Hold parameters as they are: an optimizer that sees the others only.

    names = ("*.rho",)                the posteriors' scales
            ("*.loc",)                their locations
            ("*_prior.*",)            what priors learn
            ("model.0.*",)            the first layer of an ELBO's model

A name is a pattern, as for files, of the dotted names of parameters.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from varlayers.tree import items, unflatten
from varlayers.types import Optimizer, Params

__all__ = ["Frozen"]


@dataclass(frozen=True)
class Frozen:
    """An optimizer that leaves some parameters, their gradients unread.

    The state is that of the optimizer inside, for the other parameters.

    Args:
        optimizer: the optimizer.
        names: patterns, each of which some parameter's dotted name matches.

    Raises:
        TypeError: if `names` is a string.
        ValueError: in use, if a pattern matches nothing, or all is frozen.

    Example:
        >>> import numpy as np, varlayers as vl
        >>> params = {"kernel": {"loc": np.ones(2), "rho": np.ones(2)}}
        >>> optimizer = vl.Frozen(vl.SGD(0.5), ["*.rho"])
        >>> new, _ = optimizer.update(params, optimizer.init(params), params)
        >>> float(new["kernel"]["loc"][0]), float(new["kernel"]["rho"][0])
        (0.5, 1.0)
    """

    optimizer: Optimizer
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if isinstance(self.names, str):
            msg = (
                f"Frozen expected a sequence of `names`, got {self.names!r}. "
                f"Write ({self.names!r},)."
            )
            raise TypeError(msg)
        object.__setattr__(self, "names", tuple(self.names))

    def init(self, params: Params) -> dict[str, Any]:
        """Return the state before the first step."""
        return self.optimizer.init(self._moving(params))

    def update(
        self, grads: Params, state: Mapping[str, Any], params: Params
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the next parameters and state."""
        moving = self._moving(params)
        kept = {path for path, _ in items(moving)}
        given = unflatten({p: g for p, g in items(grads) if not self._matches(p)})
        new, state = self.optimizer.update(given, state, moving)
        moved = dict(items(new))
        every = {path: moved[path] if path in kept else p for path, p in items(params)}
        return unflatten(every), state

    def _moving(self, params: Params) -> dict[str, Any]:
        paths = [path for path, _ in items(params)]
        for pattern in self.names:
            if not any(fnmatchcase(path, pattern) for path in paths):
                msg = (
                    f"Frozen expected `names` of parameters, got {pattern!r}, which "
                    f"matches none of {paths}."
                )
                raise ValueError(msg)
        moving = {p: leaf for p, leaf in items(params) if not self._matches(p)}
        if not moving:
            msg = f"Frozen expected to leave a parameter to learn, got {self.names}."
            raise ValueError(msg)
        return unflatten(moving)

    def _matches(self, path: str) -> bool:
        return any(fnmatchcase(path, pattern) for pattern in self.names)
