"""Two products of a bilinear map that share an argument, and their adjoints.

    flipped    y = f(x, loc) + f(x ∘ r, Δ) ∘ s          what Flipout computes
    dx   = fˣ(dy, loc) + fˣ(dy ∘ s, Δ) ∘ r
    dloc = fᵂ(x, dy)       dΔ   = fᵂ(x ∘ r, dy ∘ s)

    moments    m = f(x, loc)       v = f(x², var)       what local reparameterization
    dx   = fˣ(dm, loc) + 2x ∘ fˣ(dv, var)               computes
    dloc = fᵂ(x, dm)       dvar = fᵂ(x², dv)

These are the definitions. A map, or a backend's convolution, may compute them with less
work: with one sign per example and channel `flipped` gives each example b the single
weight loc + Δ ∘ (r_b s_bᵀ), so one product per example does; and `moments` needs what
it gathers from x only once.

Here k are the kernels, and `apply`, `adjoint_x` and `adjoint_w` are the map's, without
its other arguments: f(x, w), fˣ(dy, w), fᵂ(x, dy).
"""

from collections.abc import Callable
from typing import Any, TypeAlias

from varlayers.types import Array, FlippedWeight

__all__ = [
    "flipped",
    "flipped_adjoint_w",
    "flipped_adjoint_x",
    "moments",
    "moments_adjoint_w",
    "moments_adjoint_x",
]

_Product: TypeAlias = Callable[[Array, Array], Array]


def flipped(k: Any, apply: _Product, x: Array, w: FlippedWeight) -> Array:
    """Return y = f(x, loc) + f(x ∘ r, Δ) ∘ s."""
    return k.add_product(apply(x, w.loc), apply(k.multiply(x, w.r), w.delta), w.s)


def flipped_adjoint_x(
    k: Any, adjoint_x: _Product, dy: Array, w: FlippedWeight
) -> Array:
    """Return the adjoint of `flipped` by x."""
    ddelta = adjoint_x(k.multiply(dy, w.s), w.delta)
    return k.add_product(adjoint_x(dy, w.loc), ddelta, w.r)


def flipped_adjoint_w(
    k: Any, adjoint_w: _Product, x: Array, dy: Array, w: FlippedWeight
) -> tuple[Array, Array]:
    """Return the adjoints of `flipped` by loc and Δ."""
    flipped_dy = k.multiply(dy, w.s)
    return adjoint_w(x, dy), adjoint_w(k.multiply(x, w.r), flipped_dy)


def moments(
    k: Any, apply: _Product, x: Array, loc: Array, var: Array
) -> tuple[Array, Array]:
    """Return m = f(x, loc) and v = f(x², var)."""
    return apply(x, loc), apply(k.multiply(x, x), var)


def moments_adjoint_x(
    k: Any,
    adjoint_x: _Product,
    x: Array,
    grads: tuple[Array, Array],
    loc: Array,
    var: Array,
) -> Array:
    """Return the gradient by x for grads = (dm, dv)."""
    dm, dv = grads
    return k.add_product(adjoint_x(dm, loc), 2 * x, adjoint_x(dv, var))


def moments_adjoint_w(
    k: Any, adjoint_w: _Product, x: Array, grads: tuple[Array, Array]
) -> tuple[Array, Array]:
    """Return the gradients by loc and var for grads = (dm, dv)."""
    dm, dv = grads
    return adjoint_w(x, dm), adjoint_w(k.multiply(x, x), dv)
