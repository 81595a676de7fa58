"""Layer normalization over the last axis.

    forward                      backward, read from the bottom up
    c = x - mean(x)              dx = dc - mean(dc)
    h = c / s,                   dc = (dh - h ∘ mean(dh ∘ h)) / s
        s = √(mean(c²) + ε)
    y = gain ∘ h + offset        dh = dy ∘ gain    dgain = Σ dy ∘ h    doffset = Σ dy

Shapes: x (..., i); gain, offset (i,); means over the last axis, Σ over the others.

Chosen over batch normalization: each example is normalized by itself, so a prediction
does not depend on what else is in the batch, and there are no running averages to
disagree with the weight sample in use. Gain and offset are points.

Reference: Ba, Kiros & Hinton (2016), arXiv:1607.06450.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from varlayers.checks import check_arrays, check_input, check_size
from varlayers.dispatch import kernels_for
from varlayers.layers.noiseless import Noiseless
from varlayers.random import Source
from varlayers.types import Array, Noise, Params, Saved, Shape

__all__ = ["LayerNorm"]


@dataclass(frozen=True)
class LayerNorm(Noiseless):
    """Normalize each example's features to mean 0 and variance 1, then rescale.

    Args:
        features: size of the last axis, >= 1.
        eps: added to the variance, > 0.

    Raises:
        TypeError: if `features` is not an integer.
        ValueError: if an argument is out of range.
    """

    features: int
    eps: float = 1e-5

    has_parameters = True

    def __post_init__(self) -> None:
        check_size("LayerNorm", "features", self.features)
        if not self.eps > 0:
            msg = f"LayerNorm expected `eps` > 0, got {self.eps}."
            raise ValueError(msg)

    def init(self, key: Source, like: Array | None = None) -> dict[str, Any]:
        like = np.zeros(0, np.float32) if like is None else like
        k = kernels_for(like)
        place = {"dtype": like.dtype, "device": k.device(like)}
        shape = (self.features,)
        return {"gain": k.xp.ones(shape, **place), "offset": k.xp.zeros(shape, **place)}

    def out_shape(self, x_shape: Shape) -> Shape:
        if not x_shape or x_shape[-1] != self.features:
            msg = (
                f"LayerNorm expected `x` of shape (..., {self.features}), "
                f"got {tuple(x_shape)}."
            )
            raise ValueError(msg)
        return tuple(x_shape)

    def forward(self, params: Params, x: Array, noise: Noise) -> tuple[Array, Saved]:
        k, shape = kernels_for(x), (self.features,)
        check_arrays(
            "LayerNorm", "parameters", params, {"gain": shape, "offset": shape}
        )
        check_input("LayerNorm", k, x, params["gain"])
        self.out_shape(tuple(x.shape))
        xp = k.xp
        c = x - xp.mean(x, axis=-1, keepdims=True)
        s = xp.sqrt(xp.mean(c * c, axis=-1, keepdims=True) + self.eps)
        h = c / s
        return params["gain"] * h + params["offset"], (h, s, params["gain"])

    def backward(
        self, saved: Saved, dy: Array, *, input_gradient: bool = True
    ) -> tuple[Array | None, dict[str, Any]]:
        h, s, gain = saved
        xp = kernels_for(dy).xp
        rows = (math.prod(dy.shape[:-1]), self.features)
        dgain = xp.sum(xp.reshape(dy * h, rows), axis=0)
        doffset = xp.sum(xp.reshape(dy, rows), axis=0)
        dparams = {"gain": dgain, "offset": doffset}
        if not input_gradient:
            return None, dparams
        dh = dy * gain
        dc = (dh - h * xp.mean(dh * h, axis=-1, keepdims=True)) / s
        return dc - xp.mean(dc, axis=-1, keepdims=True), dparams
