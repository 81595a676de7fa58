"""What every map can do with its product and adjoints: two products of one argument."""

from functools import partial

from varlayers import two_products
from varlayers.kernels import Kernels
from varlayers.types import Array, FlippedWeight, Map, Shape

__all__ = ["BilinearMap"]


class BilinearMap(Map):
    """The pairs of products of `Map`, from `apply` and its adjoints."""

    def apply_flipped(self, k: Kernels, x: Array, w: FlippedWeight) -> Array:
        return two_products.flipped(k, partial(self.apply, k), x, w)

    def flipped_adjoint_x(
        self, k: Kernels, dy: Array, w: FlippedWeight, x_shape: Shape
    ) -> Array:
        adjoint = partial(self.adjoint_x, k, x_shape=x_shape)
        return two_products.flipped_adjoint_x(k, adjoint, dy, w)

    def flipped_adjoint_w(
        self, k: Kernels, x: Array, dy: Array, w: FlippedWeight
    ) -> tuple[Array, Array]:
        adjoint = partial(self.adjoint_w, k, w_shape=w.delta.shape)
        return two_products.flipped_adjoint_w(k, adjoint, x, dy, w)

    def moments(
        self, k: Kernels, x: Array, loc: Array, var: Array
    ) -> tuple[Array, Array]:
        return two_products.moments(k, partial(self.apply, k), x, loc, var)

    def moments_adjoint_x(
        self, k: Kernels, x: Array, grads: tuple[Array, Array], loc: Array, var: Array
    ) -> Array:
        adjoint = partial(self.adjoint_x, k, x_shape=x.shape)
        return two_products.moments_adjoint_x(k, adjoint, x, grads, loc, var)

    def moments_adjoint_w(
        self, k: Kernels, x: Array, grads: tuple[Array, Array], w_shape: Shape
    ) -> tuple[Array, Array]:
        adjoint = partial(self.adjoint_w, k, w_shape=w_shape)
        return two_products.moments_adjoint_w(k, adjoint, x, grads)
