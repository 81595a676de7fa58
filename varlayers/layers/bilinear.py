"""The layer of a bilinear map: kernel and bias, posteriors and priors, one estimator.

    forward                            backward, read from the bottom up
    q   = constrain(kernel)            add_kl: dkernel += weight ∂D(q ‖ prior)
    q_b = constrain(bias)              add_kl: dbias += weight ∂D(q_b ‖ prior_b)
    a   = estimator(f, q, x, noise)    dx, dkernel = the estimator's backward of da
    b   = mean or sample of q_b        dbias = the posterior's backward of db
    y   = a + b                        da = dy       db = Σ dy

A bias without noise is added; a random one is one draw for the whole batch, unless the
estimator takes its moments (local reparameterization: b joins the variance per
example). Everything that a dense, a convolutional and a transposed layer share is here;
they differ in the map and the shape of its kernel.

Shapes: x and y as the map's; kernel as the map's w; bias (channels out,).
saved = (*q_b, *q, *noise of b, *the estimator's).
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields, replace
from functools import cached_property
from itertools import chain
from typing import Any, Self, cast

import numpy as np

from varlayers import tree
from varlayers.checks import check_arrays, check_input, lookup
from varlayers.dispatch import kernels_for
from varlayers.estimators import ESTIMATORS, Deterministic
from varlayers.initializers import INITIALIZERS
from varlayers.kernels import Kernels
from varlayers.layers.fitting import check_fit
from varlayers.layers.leaf import Leaf
from varlayers.layers.weight import Weight
from varlayers.posteriors import POSTERIORS, MeanOf
from varlayers.priors import PRIORS
from varlayers.random import Source, fold_in
from varlayers.types import (
    Array,
    Estimator,
    Initializer,
    Map,
    Noise,
    Params,
    Posterior,
    Prior,
    RandomPosterior,
    Saved,
    Shape,
    Site,
)

__all__ = ["Bilinear"]

_DETERMINISTIC = Deterministic()
_INSTEAD_OF_NONE = {
    "estimator": 'Leave it out: with the posterior "point" none is used.',
    "posterior": 'For no uncertainty pass "point".',
    "kernel_initializer": 'To start at 0 pass "zeros".',
    "bias_initializer": 'To start at 0 pass "zeros".',
}


@dataclass(frozen=True, kw_only=True, repr=False)
class Bilinear(Leaf, ABC):
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

    Raises:
        TypeError: if an argument is a class, not an instance, or None where that has
            no meaning.
        ValueError: if a name is unknown, or the estimator cannot take a posterior.
    """

    estimator: Estimator | str = "flipout"
    posterior: Posterior | str = "normal"
    prior: Prior | str | None = "normal"
    bias: Posterior | str | None = "point"
    bias_prior: Prior | str | None = None
    kernel_initializer: Initializer | str = "he_uniform"
    bias_initializer: Initializer | str = "zeros"

    def __post_init__(self) -> None:
        for argument, table in (
            ("estimator", ESTIMATORS),
            ("posterior", POSTERIORS),
            ("prior", PRIORS),
            ("bias", POSTERIORS),
            ("bias_prior", PRIORS),
            ("kernel_initializer", INITIALIZERS),
            ("bias_initializer", INITIALIZERS),
        ):
            owner, value = type(self).__name__, getattr(self, argument)
            if value is None and argument in _INSTEAD_OF_NONE:
                msg = (
                    f"{owner} expected `{argument}` in {sorted(table)} or an instance, "
                    f"got None. {_INSTEAD_OF_NONE[argument]}"
                )
                raise TypeError(msg)
            value = lookup(owner, argument, value, table)
            object.__setattr__(self, argument, value)
        check_fit(type(self).__name__, self._rule, self._weights)

    def __repr__(self) -> str:
        shown = sorted(fields(self), key=lambda field: bool(field.kw_only))
        values = (f"{field.name}={getattr(self, field.name)!r}" for field in shown)
        return f"{type(self).__name__}({', '.join(values)})"

    @property
    @abstractmethod
    def map(self) -> Map:
        """The bilinear map."""

    @property
    @abstractmethod
    def kernel_shape(self) -> Shape:
        """The shape of the kernel."""

    @property
    @abstractmethod
    def fans(self) -> tuple[int, int]:
        """(fan_in, fan_out) of the kernel."""

    @property
    def has_parameters(self) -> bool:
        return True

    def init(self, key: Source, like: Array | None = None) -> dict[str, Any]:
        """Return {"kernel": …, "bias": …}; float32 NumPy arrays without `like`."""
        like = np.zeros(0, np.float32) if like is None else like
        return {
            name: weight.init(kernels_for(like), fold_in(key, index), like)
            for index, (name, weight) in enumerate(self._weights.items())
        }

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
            y = self.map.add_channels(y, bias)
        eps = () if self._drawn_bias is None else (noise["bias"],)
        return y, (*q, *q_bias, *eps, *saved)

    def backward(
        self, saved: Saved, dy: Array, *, input_gradient: bool = True
    ) -> tuple[Array | None, dict[str, Any]]:
        k, joint = kernels_for(dy), self._joint_bias
        q, q_bias, eps, saved = self._split(saved)
        dx, dkernel, dmoments = self._rule.backward(
            self._site(k), q, saved, dy, input_gradient=input_gradient
        )
        if not q_bias:
            return dx, {"kernel": dkernel}
        if joint is not None and dmoments is not None:
            dbias = joint.moments_backward(k, q_bias, *dmoments)
        else:
            db, noise = self.map.sum_channels(k, dy), (*eps, None)[0]
            dbias = self._weights["bias"].value_backward(k, q_bias, noise, db)
        return dx, {"kernel": dkernel, "bias": dbias}

    def kl(self, params: Params) -> dict[str, Any]:
        self._check_params(params)
        k = kernels_for(params["kernel"]["loc"])
        zeros = tree.map_leaves(k.xp.zeros_like, params)
        saved = [
            weight.posterior.constrain(k, params[name])
            for name, weight in self._weights.items()
        ]
        return self.add_kl(tuple(chain(*saved)), zeros, 0.0)[0]

    def add_kl(
        self, saved: Saved, dparams: Params, weight: float
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        k, kls, total = kernels_for(saved[0]), {}, {}
        for q, (name, part) in zip(
            self._split(saved), self._weights.items(), strict=False
        ):
            kl, total[name] = part.add_kl(k, q, dparams[name], weight)
            if kl is not None:
                kls[name] = kl
        return kls, total

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
        return replace(self, posterior=kernel, prior=None, bias=bias, bias_prior=None)

    @cached_property
    def _weights(self) -> dict[str, Weight]:
        kernel = (self.posterior, self.prior, self.kernel_initializer, self.fans)
        weights = {"kernel": Weight(self.kernel_shape, *cast("Any", kernel))}
        if self.bias is not None:
            bias = (self.bias, self.bias_prior, self.bias_initializer, self.fans)
            weights["bias"] = Weight(self.kernel_shape[-1:], *cast("Any", bias))
        return weights

    @cached_property
    def _rule(self) -> Estimator:
        random = self._weights["kernel"].random
        return _DETERMINISTIC if random is None else cast("Estimator", self.estimator)

    @property
    def _joint_bias(self) -> RandomPosterior | None:
        """The bias's posterior if it enters the estimator by its moments."""
        return self._random_bias if self._rule.joint_bias else None

    @property
    def _drawn_bias(self) -> RandomPosterior | None:
        """The bias's posterior if it is drawn once for the batch."""
        return None if self._rule.joint_bias else self._random_bias

    @property
    def _random_bias(self) -> RandomPosterior | None:
        bias = self._weights.get("bias")
        return None if bias is None else bias.random

    def _site(self, k: Kernels) -> Site:
        return Site(k, self.map, cast("RandomPosterior", self.posterior))

    def _noise_shapes(self, k: Kernels, x_shape: Shape) -> dict[str, Shape]:
        shapes = self._rule.noise_shapes(self._site(k), x_shape, self.kernel_shape)
        if self._drawn_bias is None:
            return shapes
        return {**shapes, "bias": self._drawn_bias.noise_shape(self.kernel_shape[-1:])}

    def _check(self, k: Kernels, params: Params, x: Array, noise: Noise) -> None:
        owner, x_shape = type(self).__name__, tuple(x.shape)
        self._check_params(params)
        check_input(owner, k, x, params["kernel"]["loc"])
        self.out_shape(x_shape)
        check_arrays(owner, "noise", noise, self._noise_shapes(k, x_shape))

    def _check_params(self, params: Params) -> None:
        shapes = {name: weight.shapes for name, weight in self._weights.items()}
        check_arrays(type(self).__name__, "parameters", params, shapes)

    def _split(self, saved: Saved) -> tuple[Saved, Saved, Saved, Saved]:
        """Return q of the kernel, q of the bias, the bias's noise, the estimator's."""
        sizes = [weight.posterior.size for weight in self._weights.values()]
        kernel, both = sizes[0], sum(sizes)
        drawn = both + (self._drawn_bias is not None)
        return saved[:kernel], saved[kernel:both], saved[both:drawn], saved[drawn:]
