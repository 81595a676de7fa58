"""A batch of kernels: one layer of points, with parameters for each of its members.

    forward                         backward, read from the bottom up
    x = broadcast to (…, *B, …)     dx    = the sum over what was broadcast
    xₘ = member m of x              dx    = the members dxₘ, in their places
    yₘ = layer(xₘ, paramsₘ)         dxₘ, dparamsₘ = the layer's, of dyₘ
    y = the yₘ, in their places     dyₘ   = member m of dy

Shapes: x (*lead, *B, *tail), the tail of as many axes as there are `axes`, and an axis
of B perhaps 1, or left out with all before it; parameters (*B, ...).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from varlayers import tree
from varlayers.checks import check_size
from varlayers.dispatch import kernels_for
from varlayers.layers.bilinear import Bilinear
from varlayers.layers.noiseless import Noiseless
from varlayers.random import Source, fold_in
from varlayers.serialization import register_class
from varlayers.types import Array, Noise, Params, Posterior, Saved, Shape

__all__ = ["Batched"]


@register_class
@dataclass(frozen=True)
class Batched(Noiseless):
    """Members of one layer, each with parameters of its own.

    Args:
        layer: without noise and divergence.
        batch_shape: that of the members.
        axes: of x that follow those of the members.
    """

    layer: Bilinear
    batch_shape: Shape
    axes: int

    def __post_init__(self) -> None:
        batch = tuple(self.batch_shape)
        for size in batch:
            check_size("Batched", "batch_shape", size)
        object.__setattr__(self, "batch_shape", batch)

    @property
    def prior(self) -> None:
        """None: points are compared with nothing."""

    @property
    def bias_prior(self) -> None:
        """None, likewise."""

    @property
    def estimator(self) -> Any:
        """That of the layer."""
        return self.layer.estimator

    @property
    def posteriors(self) -> dict[str, Posterior]:
        """Those of the layer: points."""
        return self.layer.posteriors

    @property
    def has_parameters(self) -> bool:
        return True

    def init(self, key: Source, like: Array | None = None) -> dict[str, Any]:
        """Return the layer's parameters with the axes of the batch before them."""
        every = range(self._count)
        return self._together([self.layer.init(fold_in(key, m), like) for m in every])

    def out_shape(self, x_shape: Shape) -> Shape:
        seen = self._seen(tuple(x_shape))
        start, stop = self._place(len(seen))
        one = self.layer.out_shape((*seen[:start], *seen[stop:]))
        return (*one[:start], *self.batch_shape, *one[start:])

    def draw(self, key: Source, x_shape: Shape, like: Array) -> dict[str, Any]:
        self.out_shape(x_shape)
        return {}

    def forward(self, params: Params, x: Array, noise: Noise) -> tuple[Array, Saved]:
        xp = kernels_for(x).xp
        seen = self._members(xp.broadcast_to(x, self._seen(tuple(x.shape))))
        every = [
            self.layer.forward(self._member(params, m), seen[m, ...], {})
            for m in range(self._count)
        ]
        y = self._placed(xp.stack([y for y, _ in every]))
        return y, (x, *(saved for _, saved in every))

    def backward(
        self, saved: Saved, dy: Array, *, input_gradient: bool = True
    ) -> tuple[Array | None, dict[str, Any]]:
        x, *every = saved
        dys = self._members(dy)
        found = [
            self.layer.backward(part, dys[m, ...], input_gradient=input_gradient)
            for m, part in enumerate(every)
        ]
        dparams = self._together([grads for _, grads in found])
        if not input_gradient:
            return None, dparams
        xp = kernels_for(dy).xp
        dx = self._placed(xp.stack([dx for dx, _ in found]))
        return _summed_to(xp, dx, tuple(x.shape)), dparams

    def weights(self, params: Params) -> dict[str, Any]:
        every = range(self._count)
        return self._together(
            [self.layer.weights(self._member(params, m)) for m in every]
        )

    # ---- places ------------------------------------------------------------------

    @property
    def _count(self) -> int:
        return math.prod(self.batch_shape)

    def _place(self, ndim: int) -> tuple[int, int]:
        """Return where the axes of the members start and stop."""
        stop = ndim - self.axes
        return stop - len(self.batch_shape), stop

    def _seen(self, shape: Shape) -> Shape:
        """Return the shape of x with every axis of the members."""
        padded = (*[1] * (len(self.batch_shape) + self.axes - len(shape)), *shape)
        start, stop = self._place(len(padded))
        fits = len(shape) >= self.axes and all(
            size in (1, wanted)
            for size, wanted in zip(padded[start:stop], self.batch_shape, strict=True)
        )
        if not fits:
            msg = (
                f"Batched expected `x` with the axes {self.batch_shape} of the "
                f"`batch_shape` before its last {self.axes}, got shape {shape}."
            )
            raise ValueError(msg)
        return (*padded[:start], *self.batch_shape, *padded[stop:])

    def _members(self, x: Array) -> Array:
        """Return x (*lead, *B, *tail) as (members, *lead, *tail)."""
        start, stop = self._place(x.ndim)
        axes = (*range(start, stop), *range(start), *range(stop, x.ndim))
        xp = kernels_for(x).xp
        moved = xp.permute_dims(x, axes)
        return xp.reshape(moved, (self._count, *moved.shape[stop - start :]))

    def _placed(self, y: Array) -> Array:
        """Return what `_members` was given."""
        xp, count = kernels_for(y).xp, len(self.batch_shape)
        y = xp.reshape(y, (*self.batch_shape, *y.shape[1:]))
        stop = y.ndim - self.axes
        axes = (*range(count, stop), *range(count), *range(stop, y.ndim))
        return xp.permute_dims(y, axes)

    def _member(self, params: Params, m: int) -> dict[str, Any]:
        """Return the parameters of member m."""

        def one(array: Array) -> Array:
            shape = (self._count, *array.shape[len(self.batch_shape) :])
            return kernels_for(array).xp.reshape(array, shape)[m, ...]

        return tree.map_leaves(one, params)

    def _together(self, every: Sequence[Params]) -> dict[str, Any]:
        """Return what is given for each member as one tree."""

        def joined(*arrays: Array) -> Array:
            stacked = kernels_for(arrays[0]).xp.stack(arrays)
            shape = (*self.batch_shape, *stacked.shape[1:])
            return kernels_for(stacked).xp.reshape(stacked, shape)

        return tree.map_leaves(joined, *every)


def _summed_to(xp: Any, dx: Array, shape: Shape) -> Array:
    """Return the sum over the axes that were broadcast."""
    padded = (*[1] * (dx.ndim - len(shape)), *shape)
    axes = tuple(i for i, size in enumerate(padded) if size == 1 != dx.shape[i])
    return xp.reshape(xp.sum(dx, axis=axes, keepdims=True) if axes else dx, shape)
