"""The layer of a bilinear map: kernel and bias, posteriors and priors, one estimator.

    forward                            backward, read from the bottom up
    q   = constrain(kernel)            add_kl: `beliefs`
    q_b = constrain(bias)
    a   = estimator(f, q, x, noise)    dx, dkernel = the estimator's backward of da
    b   = mean or sample of q_b        dbias = the posterior's backward of db
    y   = a + b                        da = dy       db = Σ dy

A bias without noise is added; a random one is one draw for the whole batch, unless the
estimator takes its moments (local reparameterization: b joins the variance per
example). Everything that a dense, a convolutional and a transposed layer share is here;
they differ in the map and the shape of its kernel.

Shapes: x and y as the map's; kernel as the map's w; bias (channels out,).
saved = (*q, *q_b, *those of the beliefs, *noise of b, *the estimator's).
"""

from abc import ABC
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Self, cast

import numpy as np

from varlayers import tree
from varlayers.checks import check_arrays, check_input
from varlayers.dispatch import kernels_for
from varlayers.kernels import Kernels
from varlayers.layers.bilinear_parts import BilinearParts
from varlayers.posteriors import MeanOf
from varlayers.priors import Unused
from varlayers.random import Source, fold_in
from varlayers.types import (
    Array,
    Noise,
    Params,
    Posterior,
    RandomPosterior,
    Saved,
    Shape,
    Site,
)

__all__ = ["Bilinear"]


@dataclass(frozen=True, kw_only=True, repr=False)
class Bilinear(BilinearParts, ABC):
    """Kernel and optional bias around a bilinear map.

    Args:
        estimator: "reparameterization", "local" or "flipout", or an estimator.
        posterior: of the kernel; "normal", "point", or a posterior.
        prior: of the kernel; "normal", "width-scaled normal", a prior, or None for no
            divergence.
        bias: the posterior of the bias, as for the kernel, or None for no bias.
        bias_prior: as `prior`. Not used where there is no bias.
        kernel_initializer: of the posterior's location: "glorot_uniform", "he_normal",
            … or an initializer.
        bias_initializer: the same for the bias.
        divergence: "closed form", "quadrature", "monte carlo", a divergence or a
            function; None for the first of these that can compare posterior and prior.
        divergence_weight: factor of this layer's divergences, >= 0.

    Raises:
        TypeError: if an argument is a class, not an instance, or None where that has
            no meaning.
        ValueError: if a name is unknown, or the estimator cannot take a posterior.
    """

    @property
    def has_parameters(self) -> bool:
        return True

    def init(self, key: Source, like: Array | None = None) -> dict[str, Any]:
        """Return {"kernel": …, "bias": …}; float32 NumPy arrays without `like`.

        A prior that learns adds "kernel_prior" or "bias_prior".
        """
        like = np.zeros(0, np.float32) if like is None else like
        k = kernels_for(like)
        params = {
            name: weight.init(k, fold_in(key, index), like)
            for index, (name, weight) in enumerate(self._weights.items())
        }
        return params | self._beliefs.init(k, like)

    def out_shape(self, x_shape: Shape) -> Shape:
        try:
            return self.map.out_shape(tuple(x_shape), self.kernel_shape)
        except ValueError as error:
            said = str(error).removeprefix("Expected")
            if said == str(error):
                raise
            msg = f"{type(self).__name__} expected{said}"
            raise ValueError(msg) from None

    def draw(self, key: Source, x_shape: Shape, like: Array) -> dict[str, Any]:
        self.out_shape(x_shape)
        k = kernels_for(like)
        shapes = self._noise_shapes(k, tuple(x_shape))
        noise = {}
        if self._beliefs.draws:
            noise = self._beliefs.draw(k, fold_in(key, 2), shapes, like)
        shapes = {name: shapes[name] for name in shapes.keys() - noise.keys()}
        if self._drawn_bias is not None:
            shape = shapes.pop("bias")
            noise["bias"] = self._drawn_bias.draw(k, fold_in(key, 1), shape, like)
        return self._rule.draw(self._site(k), fold_in(key, 0), shapes, like) | noise

    def forward(self, params: Params, x: Array, noise: Noise) -> tuple[Array, Saved]:
        k, weights = kernels_for(x), self._weights
        self._check(k, params, x, noise)
        q, q_bias = (
            weights[name].posterior.constrain(k, params[name])
            if name in weights
            else ()
            for name in ("kernel", "bias")
        )
        joint = self._joint_bias
        moments = None if joint is None else joint.moments(k, q_bias)
        y, saved = self._rule.forward(self._site(k), q, x, noise, moments)
        if q_bias and joint is None:
            bias = weights["bias"].value(k, q_bias, noise.get("bias"))
            y = self.map.add_channels(k, y, bias)
        eps = () if self._drawn_bias is None else (noise["bias"],)
        beliefs = self._beliefs.save(params, noise)
        return y, (*q, *q_bias, *beliefs, *eps, *saved)

    def backward(
        self, saved: Saved, dy: Array, *, input_gradient: bool = True
    ) -> tuple[Array | None, dict[str, Any]]:
        k, joint = kernels_for(dy), self._joint_bias
        q, q_bias, beliefs, eps, saved = self._split(saved)
        dpriors = self._beliefs.zeros(k, beliefs)
        dx, dkernel, dmoments = self._rule.backward(
            self._site(k), q, saved, dy, input_gradient=input_gradient
        )
        if not q_bias:
            return dx, {"kernel": dkernel, **dpriors}
        if joint is not None and dmoments is not None:
            dbias = joint.moments_backward(k, q_bias, *dmoments)
        else:
            db, noise = self.map.sum_channels(k, dy), (*eps, None)[0]
            dbias = self._weights["bias"].value_backward(k, q_bias, noise, db)
        return dx, {"kernel": dkernel, "bias": dbias, **dpriors}

    def kl(self, params: Params) -> dict[str, Any]:
        self._check_params(params)
        k = kernels_for(params["kernel"]["loc"])
        zeros = tree.map_leaves(k.xp.zeros_like, params)
        saved = [
            weight.posterior.constrain(k, params[name])
            for name, weight in self._weights.items()
        ]
        beliefs = self._beliefs.save_without_noise(k, params, params["kernel"]["loc"])
        return self.add_kl((*chain(*saved), *beliefs), zeros, 0.0)[0]

    def add_kl(
        self, saved: Saved, dparams: Params, weight: float
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        q, q_bias, beliefs, *_ = self._split(saved)
        k, qs = kernels_for(saved[0]), {"kernel": q, "bias": q_bias}
        return self._beliefs.add_kl(k, qs, beliefs, dparams, weight)

    def weights(self, params: Params) -> dict[str, Any]:
        self._check_params(params)
        k = kernels_for(params["kernel"]["loc"])
        return {
            name: weight.loc_and_scale(k, params[name])
            for name, weight in self._weights.items()
        }

    def at_mean(self) -> Self:
        bias = None if self.bias is None else MeanOf(cast("Posterior", self.bias))
        kernel = MeanOf(cast("Posterior", self.posterior))
        prior, bias_prior = map(_unused, (self.prior, self.bias_prior))
        return replace(
            self,
            posterior=kernel,
            prior=prior,
            bias=bias,
            bias_prior=bias_prior,
        )

    def with_points(self) -> Self:
        """Return the same layer with points for posteriors, and no priors."""
        bias = None if self.bias is None else "point"
        return replace(
            self,
            posterior="point",
            prior=None,
            bias=bias,
            bias_prior=None,
            divergence=None,
        )

    def _site(self, k: Kernels) -> Site:
        return Site(k, self.map, cast("RandomPosterior", self.posterior))

    def _noise_shapes(self, k: Kernels, x_shape: Shape) -> dict[str, Shape]:
        shapes = self._rule.noise_shapes(self._site(k), x_shape, self.kernel_shape)
        if self._drawn_bias is not None:
            shape = self._drawn_bias.noise_shape(self.kernel_shape[-1:])
            shapes = {**shapes, "bias": shape}
        return {**shapes, **self._beliefs.noise_shapes(shapes)}

    def _check(self, k: Kernels, params: Params, x: Array, noise: Noise) -> None:
        owner, x_shape = type(self).__name__, tuple(x.shape)
        self._check_params(params)
        check_input(owner, k, x, params["kernel"]["loc"])
        self.out_shape(x_shape)
        check_arrays(owner, "noise", noise, self._noise_shapes(k, x_shape))

    def _check_params(self, params: Params) -> None:
        check_arrays(type(self).__name__, "parameters", params, self._shapes)

    def _split(self, saved: Saved) -> tuple[Saved, Saved, Saved, Saved, Saved]:
        """Return q of the kernel and the bias, then the rest as `forward` saves it."""
        kernel, both, own, drawn = self._ends
        return (
            saved[:kernel],
            saved[kernel:both],
            saved[both:own],
            saved[own:drawn],
            saved[drawn:],
        )


def _unused(prior: Any) -> Unused | None:
    """Return what is left of a prior at the mean: what it learns, if anything."""
    if isinstance(prior, Unused):
        return prior
    return Unused(prior) if prior is not None and prior.shapes else None
