"""Convolutions by a backend's own functions where it has them, else the generic ones.

A backend says in `convolver` which of its modules convolves such arrays. Its functions
are named as the methods here without `conv_`; what the module lacks is generic.
"""

import math
from collections.abc import Callable
from typing import Any

from varlayers.kernels import Kernels
from varlayers.types import FlippedWeight, Shape
from varlayers.windows import Window

__all__ = ["ConvolvingKernels"]

_POSITIONS = 64  # from which a weight for each example outweighs a second product


class ConvolvingKernels(Kernels):
    """Every convolution, from the module that the backend chooses for it."""

    def convolver(self, window: Window, *arrays: Any) -> Any:
        """Return the module that convolves these arrays; None where none does."""
        return None

    def conv(self, x: Any, w: Any, window: Window) -> Any:
        run = self._own("conv", window, x, w) or super().conv
        return run(x, w, window)

    def conv_adjoint_x(self, dy: Any, w: Any, x_shape: Shape, window: Window) -> Any:
        run = self._own("adjoint_x", window, dy, w) or super().conv_adjoint_x
        return run(dy, w, x_shape, window)

    def conv_adjoint_w(self, x: Any, dy: Any, w_shape: Shape, window: Window) -> Any:
        run = self._own("adjoint_w", window, x, dy) or super().conv_adjoint_w
        return run(x, dy, w_shape, window)

    def conv_flipped(self, x: Any, w: FlippedWeight, window: Window) -> Any:
        run = self._own_flipped("flipped", window, w, x) or super().conv_flipped
        return run(x, w, window)

    def conv_flipped_adjoint_x(
        self, dy: Any, w: FlippedWeight, x_shape: Shape, window: Window
    ) -> Any:
        run = self._own_flipped("flipped_adjoint_x", window, w, dy)
        return (run or super().conv_flipped_adjoint_x)(dy, w, x_shape, window)

    def conv_flipped_adjoint_w(
        self, x: Any, dy: Any, w: FlippedWeight, window: Window
    ) -> tuple[Any, Any]:
        run = self._own_flipped("flipped_adjoint_w", window, w, x, dy)
        return (run or super().conv_flipped_adjoint_w)(x, dy, w, window)

    def conv_moments(
        self, x: Any, loc: Any, var: Any, window: Window
    ) -> tuple[Any, Any]:
        run = self._own("moments", window, x, loc, var) or super().conv_moments
        return run(x, loc, var, window)

    def conv_moments_adjoint_w(
        self, x: Any, grads: tuple[Any, Any], w_shape: Shape, window: Window
    ) -> tuple[Any, Any]:
        run = self._own("moments_adjoint_w", window, x, *grads)
        return (run or super().conv_moments_adjoint_w)(x, grads, w_shape, window)

    def _own(
        self, name: str, window: Window, *arrays: Any
    ) -> Callable[..., Any] | None:
        """Return the function of this name for these arrays, if there is one."""
        return getattr(self.convolver(window, *arrays), name, None)

    def _own_flipped(
        self, name: str, window: Window, w: FlippedWeight, *arrays: Any
    ) -> Callable[..., Any] | None:
        """Return the function of this name where each example has one weight.

        And enough positions to pay for it.
        """
        positions = min(math.prod(x.shape[1:-1]) for x in arrays)
        one_each = all(math.prod(signs.shape[1:-1]) == 1 for signs in (w.r, w.s))
        pays = one_each and positions >= _POSITIONS
        return self._own(name, window, *w, *arrays) if pays else None
