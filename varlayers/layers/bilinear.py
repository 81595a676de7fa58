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
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self, cast

import numpy as np

from varlayers import tree
from varlayers.checks import check_arrays, check_input, lookup
from varlayers.dispatch import kernels_for
from varlayers.divergences import divergence_of
from varlayers.estimators import ESTIMATORS, Deterministic
from varlayers.initializers import INITIALIZERS
from varlayers.kernels import Kernels
from varlayers.layers.leaf import Leaf
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


@dataclass(frozen=True, kw_only=True)
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
        ValueError: if a name is unknown.
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
            value = getattr(self, argument)
            value = lookup(type(self).__name__, argument, value, table)
            object.__setattr__(self, argument, value)

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
    def bias_shape(self) -> Shape:
        """The shape of the bias."""
        return self.kernel_shape[-1:]

    @property
    def has_parameters(self) -> bool:
        return True

    def init(self, key: Source, like: Array | None = None) -> dict[str, Any]:
        """Return {"kernel": …, "bias": …}; float32 NumPy arrays without `like`."""
        like = np.zeros(0, np.float32) if like is None else like
        k, params = kernels_for(like), {}
        for index, (name, weight) in enumerate(self._weights.items()):
            child = fold_in(key, index)
            start = weight.initializer(
                k, fold_in(child, 0), weight.shape, like, self.fans
            )
            params[name] = weight.posterior.init(
                k, fold_in(child, 1), start, fan_in=self.fans[0]
            )
        return params

    def out_shape(self, x_shape: Shape) -> Shape:
        return self.map.out_shape(tuple(x_shape), self.kernel_shape)

    def draw(self, key: Source, x_shape: Shape, like: Array) -> dict[str, Any]:
        k, shapes = kernels_for(like), self._noise_shapes(tuple(x_shape))
        noise = {}
        if self._draws_bias:
            shape = shapes.pop("bias")
            noise["bias"] = self._random_bias.draw(k, fold_in(key, 1), shape, like)
        return self._rule.draw(self._site(k), fold_in(key, 0), shapes, like) | noise

    def forward(self, params: Params, x: Array, noise: Noise) -> tuple[Array, Saved]:
        k = kernels_for(x)
        self._check(k, params, x, noise)
        q, q_bias = (
            self._weights[name].posterior.constrain(k, params[name])
            if name in self._weights
            else ()
            for name in ("kernel", "bias")
        )
        moments = self._random_bias.moments(k, q_bias) if self._joins_bias else None
        y, saved = self._rule.forward(self._site(k), q, x, noise, moments)
        eps = (noise["bias"],) if self._draws_bias else ()
        if q_bias and not self._joins_bias:
            bias = self._random_bias.sample(k, q_bias, eps[0]) if eps else q_bias[0]
            y = self.map.add_channels(y, bias)
        return y, (*q, *q_bias, *eps, *saved)

    def backward(
        self, saved: Saved, dy: Array, *, input_gradient: bool = True
    ) -> tuple[Array | None, dict[str, Any]]:
        k = kernels_for(dy)
        q, q_bias, eps, saved = self._split(saved)
        grads = self._rule.backward(
            self._site(k), q, saved, dy, input_gradient=input_gradient
        )
        dparams = {"kernel": grads.dparams}
        if grads.dbias is not None and self._joins_bias:
            bias = self._random_bias
            dparams["bias"] = bias.moments_backward(k, q_bias, *grads.dbias)
        elif q_bias:
            dbias = self.map.sum_channels(k, dy)
            dparams["bias"] = self._shared_bias_backward(k, q_bias, eps, dbias)
        return grads.dx, dparams

    def kl(self, params: Params) -> dict[str, Any]:
        k = kernels_for(params["kernel"]["loc"])
        q = {
            name: weight.posterior.constrain(k, params[name])
            for name, weight in self._weights.items()
        }
        zeros = tree.map_leaves(k.xp.zeros_like, params)
        return self._add_kl(k, q, zeros, 0.0)[0]

    def add_kl(
        self, saved: Saved, dparams: Params, weight: float
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        k = kernels_for(saved[0])
        q, q_bias, *_ = self._split(saved)
        return self._add_kl(k, {"kernel": q, "bias": q_bias}, dparams, weight)

    def weights(self, params: Params) -> dict[str, Any]:
        k, weights = kernels_for(params["kernel"]["loc"]), {}
        for name, (_, posterior, *_) in self._weights.items():
            q = posterior.constrain(k, params[name])
            loc, variance = q[0], k.xp.zeros_like(q[0])
            if not posterior.deterministic:
                loc, variance = posterior.moments(k, q)
            weights[name] = {"loc": loc, "scale": k.xp.sqrt(variance)}
        return weights

    def at_mean(self) -> Self:
        bias = None if self.bias is None else MeanOf(cast("Posterior", self.bias))
        kernel = MeanOf(cast("Posterior", self.posterior))
        return replace(self, posterior=kernel, prior=None, bias=bias, bias_prior=None)

    # ---- the parts, by name ----------------------------------------------------

    @property
    def _weights(self) -> dict[str, "_Weight"]:
        weights = {
            "kernel": _Weight(
                self.kernel_shape, self.posterior, self.prior, self.kernel_initializer
            )
        }
        if self.bias is not None:
            weights["bias"] = _Weight(
                self.bias_shape, self.bias, self.bias_prior, self.bias_initializer
            )
        return weights

    @property
    def _rule(self) -> Estimator:
        kernel = cast("Posterior", self.posterior)
        return (
            _DETERMINISTIC if kernel.deterministic else cast(Estimator, self.estimator)
        )

    @property
    def _random_bias(self) -> RandomPosterior:
        return cast("RandomPosterior", self.bias)

    @property
    def _joins_bias(self) -> bool:
        return self._bias_is_random and self._rule.joint_bias

    @property
    def _draws_bias(self) -> bool:
        return self._bias_is_random and not self._rule.joint_bias

    @property
    def _bias_is_random(self) -> bool:
        return self.bias is not None and not self._random_bias.deterministic

    def _site(self, k: Kernels) -> Site:
        return Site(k, self.map, cast("RandomPosterior", self.posterior))

    def _noise_shapes(self, x_shape: Shape) -> dict[str, Shape]:
        shapes = self._rule.noise_shapes(self.map, x_shape, self.kernel_shape)
        return {**shapes, "bias": self.bias_shape} if self._draws_bias else shapes

    def _check(self, k: Kernels, params: Params, x: Array, noise: Noise) -> None:
        owner, x_shape = type(self).__name__, tuple(x.shape)
        shapes = {name: weight.shape for name, weight in self._weights.items()}
        check_arrays(owner, "parameters", params, shapes)
        check_input(owner, k, x, params["kernel"]["loc"])
        self.map.out_shape(x_shape, self.kernel_shape)
        check_arrays(owner, "noise", noise, self._noise_shapes(x_shape))

    def _split(self, saved: Saved) -> tuple[Saved, Saved, Saved, Saved]:
        sizes = [weight.posterior.size for weight in self._weights.values()]
        kernel, both = sizes[0], sum(sizes)
        drawn = both + self._draws_bias
        return saved[:kernel], saved[kernel:both], saved[both:drawn], saved[drawn:]

    def _shared_bias_backward(
        self, k: Kernels, q_bias: Saved, eps: Saved, dbias: Array
    ) -> dict[str, Array]:
        if eps:
            return self._random_bias.sample_backward(k, q_bias, eps[0], dbias)
        return self._random_bias.mean_backward(k, dbias)

    def _add_kl(
        self, k: Kernels, q: Mapping[str, Saved], dparams: Params, weight: float
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        kls, total = {}, dict(dparams)
        for name, part in self._weights.items():
            if part.prior is not None:
                divergence = divergence_of(part.posterior, part.prior)
                prior = part.prior.loc_and_scale(k, q[name][0], self.fans[0])
                kls[name], total[name] = divergence(
                    k, q[name], prior, weight, dparams[name]
                )
        return kls, total


class _Weight(NamedTuple):
    shape: Shape
    posterior: Any
    prior: Any
    initializer: Any
