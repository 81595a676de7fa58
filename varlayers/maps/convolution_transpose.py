"""Transposed convolution: the adjoint of a convolution by its input.

With g the convolution that takes y's shape to x's, and w′ the weight of its way,
(*filter, o / groups, c), whose channels are swapped:

    f(x, w) = gˣ(x, w′)
    dx = g(dy, w′)
    dw = (gᵂ(dy, x))′

and Flipout's signs change places: those of x are the output's of g.

In numbers, y[j] = Σₘ x[(j + low - m d) / s] w[m] where s divides. A stride above 1
takes several lengths to one, s of them, so the way back must be told which:

    output_padding p    the shortest + p, 0 <= p < s
    output_size         the length itself, one of those s
    neither             "same" and "causal": n s; "valid": the first that is at least
                        n s; zeros per side: the shortest

The shortest is (n - 1) s + e - low - high, for a filter that spans e; for "same" and
"causal", whose pads follow the length, it is (n - 1) s + 1.

Shapes: x (*batch, *space, c); w (*filter, c / groups, o); y (*batch, *out, o), and
channels first, batch and groups as for `Convolution`.
"""

from dataclasses import dataclass, field
from operator import add, ge
from typing import Any, cast

from varlayers.checks import per_axis
from varlayers.convolution_kernels import swap_channels
from varlayers.kernels import Kernels
from varlayers.maps.bilinear_map import BilinearMap
from varlayers.maps.convolution import Convolution
from varlayers.types import Array, FlippedWeight, Shape
from varlayers.windows import input_length, shortest_input

__all__ = ["CONVOLUTION_TRANSPOSE", "ConvolutionTranspose", "settle_output"]


@dataclass(frozen=True)
class ConvolutionTranspose(BilinearMap):
    """The adjoint of a convolution, with w (*filter, c / groups, o).

    Args:
        convolution: the convolution from y to x.
        output_padding: how much longer than the shortest y is, from 0 to the stride:
            one number for all axes or one for each, or None.
        output_size: the spatial shape of y, as `output_padding`, in place of it.

    Raises:
        TypeError: if a number is not an integer.
        ValueError: if an argument is out of range, or both are given.
    """

    convolution: Convolution = field(default_factory=Convolution)
    output_padding: int | Shape | None = None
    output_size: int | Shape | None = None

    def __post_init__(self) -> None:
        strides = cast("Shape", self.convolution.strides)
        settle_output("ConvolutionTranspose", self, strides)

    def apply(self, k: Kernels, x: Array, w: Array) -> Array:
        y_shape = self.out_shape(tuple(x.shape), tuple(w.shape))
        return self.convolution.adjoint_x(k, x, self._swap(k, w), y_shape)

    def adjoint_x(self, k: Kernels, dy: Array, w: Array, x_shape: Shape) -> Array:
        return self.convolution.apply(k, dy, self._swap(k, w))

    def adjoint_w(self, k: Kernels, x: Array, dy: Array, w_shape: Shape) -> Array:
        groups = self.convolution.groups
        *window, fan_in, out = w_shape
        swapped = (*window, out // groups, groups * fan_in)
        return self._swap(k, self.convolution.adjoint_w(k, dy, x, swapped))

    def apply_flipped(self, k: Kernels, x: Array, w: FlippedWeight) -> Array:
        y_shape = self.out_shape(tuple(x.shape), tuple(w.loc.shape))
        swapped = self._swap_flipped(k, w)
        return self.convolution.flipped_adjoint_x(k, x, swapped, y_shape)

    def flipped_adjoint_x(
        self, k: Kernels, dy: Array, w: FlippedWeight, x_shape: Shape
    ) -> Array:
        return self.convolution.apply_flipped(k, dy, self._swap_flipped(k, w))

    def flipped_adjoint_w(
        self, k: Kernels, x: Array, dy: Array, w: FlippedWeight
    ) -> tuple[Array, Array]:
        swapped = self._swap_flipped(k, w)
        dloc, ddelta = self.convolution.flipped_adjoint_w(k, dy, x, swapped)
        return self._swap(k, dloc), self._swap(k, ddelta)

    def out_shape(self, x_shape: Shape, w_shape: Shape) -> Shape:
        channels, groups = self.convolution.channels, self.convolution.groups
        channels.check("ConvolutionTranspose", x_shape, w_shape[-2] * groups)
        batch, space, _ = channels.split(x_shape)
        return channels.join(batch, self._out_space(space, w_shape[:-2]), w_shape[-1])

    def sign_shapes(self, x_shape: Shape, y_shape: Shape) -> tuple[Shape, Shape]:
        return self.convolution.sign_shapes(x_shape, y_shape)

    def add_channels(self, k: Kernels, y: Array, b: Array) -> Array:
        return self.convolution.add_channels(k, y, b)

    def sum_channels(self, k: Kernels, dy: Array) -> Array:
        return self.convolution.sum_channels(k, dy)

    def _swap(self, k: Kernels, w: Array) -> Array:
        return swap_channels(k.xp, w, self.convolution.groups)

    def _swap_flipped(self, k: Kernels, w: FlippedWeight) -> FlippedWeight:
        return FlippedWeight(self._swap(k, w.loc), self._swap(k, w.delta), w.s, w.r)

    def _out_space(self, space: Shape, filter_shape: Shape) -> Shape:
        """Return the spatial shape of y; raise where there is none."""
        axes = self.convolution.axes(filter_shape)
        lengths = list(zip(space, axes, strict=True))
        least = tuple(shortest_input(p, n, span, s) for n, (p, span, s) in lengths)
        chosen = tuple(input_length(p, n, span, s) for n, (p, span, s) in lengths)
        if self.output_padding is not None:
            padding = cast("Shape", self.output_padding)
            chosen = tuple(map(add, least, padding))
        if self.output_size is not None:
            chosen = cast("Shape", self.output_size)
        most = tuple(n + s - 1 for n, (_, _, s) in zip(least, axes, strict=True))
        if any(not a <= n <= b for a, n, b in zip(least, chosen, most, strict=True)):
            msg = (
                f"ConvolutionTranspose expected `output_size` from {least} to {most} "
                f"for `x` with positions {space}, got {chosen}."
            )
            raise ValueError(msg)
        if min(*space, *chosen) < 1:
            msg = (
                "ConvolutionTranspose expected `x` with positions enough for its "
                f"padding, got {space}, from which comes {chosen}. Pad less."
            )
            raise ValueError(msg)
        return chosen


def settle_output(owner: str, settings: Any, strides: Shape) -> None:
    """Check a frozen object's output_padding and output_size; make them tuples.

    Raises:
        TypeError: if a number is not an integer.
        ValueError: if one is out of range, or both are given.
    """
    if settings.output_padding is not None and settings.output_size is not None:
        msg = (
            f"{owner} expected `output_padding` or `output_size`, got "
            f"{settings.output_padding!r} and {settings.output_size!r}. Give one."
        )
        raise ValueError(msg)
    for argument, least in (("output_padding", 0), ("output_size", 1)):
        value = getattr(settings, argument)
        if value is not None:
            value = per_axis(owner, argument, value, len(strides), least)
            object.__setattr__(settings, argument, value)
    padding = settings.output_padding
    if padding is not None and any(map(ge, padding, strides)):
        msg = (
            f"{owner} expected `output_padding` below the stride, {strides}, "
            f"got {padding}."
        )
        raise ValueError(msg)


CONVOLUTION_TRANSPOSE = ConvolutionTranspose()
