"""Train some numbers and leave the others: how pruned weights stay where they are.

    grads'         = grads where the mask is true, 0 elsewhere
    new, state'    = optimizer.update(grads', state, params)
    params'        = new where the mask is true, params elsewhere

So nothing that is held still enters a norm or a moment, and weight decay does not reach
it either. `Frozen` holds whole arrays, by name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from varlayers import tree
from varlayers.constants import Constant
from varlayers.dispatch import kernels_for
from varlayers.types import Array, Optimizer, Params

__all__ = ["Masked"]


@dataclass(frozen=True)
class Masked:
    """An optimizer that moves parameters only where a mask is true.

    The state is that of the optimizer inside, and so are the arrays that `update` may
    overwrite. The mask is kept on the host, so that the optimizer hashes and saves.

    Args:
        optimizer: the optimizer.
        mask: nested as the parameters, with arrays of booleans in their shapes, of any
            library: the `mask` of `prune`. What it does not name is trained as ever.

    Raises:
        TypeError: if `mask` is no dict of arrays.
        ValueError: in `update`, if the mask has a name or a shape that params have not.

    Example:
        >>> import numpy as np, varlayers as vl
        >>> optimizer = vl.Masked(vl.SGD(1.0), {"w": np.array([True, False])})
        >>> params, grads = {"w": np.zeros(2)}, {"w": np.ones(2)}
        >>> optimizer.update(grads, optimizer.init(params), params)[0]["w"].tolist()
        [-1.0, 0.0]
    """

    optimizer: Optimizer
    mask: Any

    def __post_init__(self) -> None:
        if isinstance(self.mask, tuple):  # as it is stored, and so as it is loaded
            return
        if not isinstance(self.mask, Mapping):
            msg = (
                "Masked expected `mask`, a dict of arrays nested as the parameters, "
                f"got {type(self.mask).__name__}."
            )
            raise TypeError(msg)
        stored = tuple((path, _stored(leaf)) for path, leaf in tree.items(self.mask))
        object.__setattr__(self, "mask", stored)

    def init(self, params: Params) -> dict[str, Any]:
        """Return the state before the first step."""
        self._check(params)
        return self.optimizer.init(params)

    def update(
        self, grads: Params, state: Mapping[str, Any], params: Params
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the next parameters and state."""
        self._check(params)
        masks, old = dict(self.mask), dict(tree.items(params))
        held = {path: _held(mask, old[path]) for path, mask in masks.items()}
        free = {
            path: _free(masks[path], grad) if path in masks else grad
            for path, grad in tree.items(grads)
        }
        new, state = self.optimizer.update(tree.unflatten(free), state, params)
        merged = {
            path: _merged(masks[path], leaf, held[path]) if path in masks else leaf
            for path, leaf in tree.items(new)
        }
        return tree.unflatten(merged), state

    def _check(self, params: Params) -> None:
        shapes = {path: tuple(leaf.shape) for path, leaf in tree.items(params)}
        for path, mask in self.mask:
            if path not in shapes:
                msg = (
                    f"Masked expected parameters with {path!r}, as its mask has, got "
                    f"{sorted(shapes)}. For the parameters of an ELBO the mask is "
                    '{"model": mask}.'
                )
                raise ValueError(msg)
            if mask.array.shape != shapes[path]:
                msg = (
                    f"Masked expected a mask of shape {shapes[path]} for {path!r}, "
                    f"got {mask.array.shape}."
                )
                raise ValueError(msg)


def _stored(leaf: Any) -> Constant:
    if not hasattr(leaf, "dtype"):
        return Constant(leaf)
    return Constant(np.asarray(kernels_for(leaf).to_numpy(leaf), dtype=bool))


def _free(mask: Constant, grad: Array) -> Array:
    """Return grad where the mask is true, 0 elsewhere."""
    k = kernels_for(grad)
    return k.xp.where(mask.like(k, grad) > 0, grad, k.xp.zeros_like(grad))


def _held(mask: Constant, param: Array) -> Array:
    """Return a copy of param where the mask is false, 0 elsewhere."""
    k = kernels_for(param)
    return k.xp.where(mask.like(k, param) > 0, k.xp.zeros_like(param), param)


def _merged(mask: Constant, new: Array, held: Array) -> Array:
    k = kernels_for(new)
    return k.xp.where(mask.like(k, new) > 0, new, held)
