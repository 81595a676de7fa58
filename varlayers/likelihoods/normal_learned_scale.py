"""Normal likelihood whose scale is a parameter: the same noise for every example.

    forward                       backward
    s = softplus(rho) + shift     drho = slope Σ ds,   slope = sigmoid(rho)

Shapes: outputs, the mean, (n, ...); rho () or the last axes of the outputs, so that
each output has a scale of its own; Σ is over the axes that rho has not.
"""

import math
from dataclasses import dataclass

import numpy as np

from varlayers.dispatch import kernels_for
from varlayers.kernels import Kernels
from varlayers.likelihoods.normal import NormalKind, check_event
from varlayers.types import Array, Params, Saved, Shape

__all__ = ["NormalLearnedScale"]


@dataclass(frozen=True)
class NormalLearnedScale(NormalKind):
    """Outputs are the mean; the scale is learned. One parameter: `rho`.

    Args:
        initial_scale: the first standard deviation, > shift.
        shift: what is added to softplus(rho), >= 0: the least scale that can be
            reached.
        shape: of rho; (), one scale for all, or the last axes of the outputs' shape.

    Raises:
        ValueError: if a number is out of range, or by its methods, if the parameters
            do not fit.
    """

    initial_scale: float = 1.0
    shift: float = 1e-3
    shape: Shape = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", tuple(self.shape))
        if not self.initial_scale > self.shift >= 0:
            msg = (
                "NormalLearnedScale expected `initial_scale` > `shift` >= 0, "
                f"got {self.initial_scale} and {self.shift}."
            )
            raise ValueError(msg)

    def init(self, like: Array | None = None) -> dict[str, Array]:
        """Return {"rho": …}; a float32 NumPy array without `like`."""
        like = np.zeros(0, np.float32) if like is None else like
        k, excess = kernels_for(like), self.initial_scale - self.shift
        rho = excess + math.log(-math.expm1(-excess))  # the inverse of softplus
        return {
            "rho": k.xp.full(self.shape, rho, dtype=like.dtype, device=k.device(like))
        }

    def split(self, k: Kernels, params: Params, outputs: Array) -> Saved:
        check_event("NormalLearnedScale", "shape", self.shape, outputs)
        scale, slope = k.softplus(self._rho(params, outputs))
        return outputs, scale + self.shift, slope

    def join(
        self, k: Kernels, dm: Array, ds: Array, slope: Array
    ) -> tuple[Array, dict[str, Array]]:
        shared = tuple(range(ds.ndim - len(self.shape)))
        return dm, {"rho": slope * k.xp.sum(ds, axis=shared)}

    def _rho(self, params: Params, outputs: Array) -> Array:
        if params.keys() != {"rho"}:
            msg = (
                "NormalLearnedScale expected parameters ['rho'], "
                f"got {sorted(params)}. Make them with init."
            )
            raise ValueError(msg)
        rho = params["rho"]
        if tuple(rho.shape) != self.shape or rho.dtype != outputs.dtype:
            msg = (
                f"NormalLearnedScale expected `rho` of shape {self.shape} and dtype "
                f"{outputs.dtype}, got {tuple(rho.shape)} and {rho.dtype}."
            )
            raise ValueError(msg)
        return rho
