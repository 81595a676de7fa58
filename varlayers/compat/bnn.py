"""Pyro's face: `HiddenLayer` with the names and defaults of `pyro.contrib.bnn`.

    forward                                   backward
    a = local reparameterization of X A       the estimator's, of da
        or, in weight space, X A
    h = g(a)                                  da = g's backward of dh
    y = [h, 1]                                dh = dy without its last column
    log_prob = -KL_factor KL(q(A) ‖ prior)    weight -KL_factor dlog_prob of the KL's

The estimators and the divergence are the library's, at the posterior
q = (A_mean, A_scale, 1): with slope 1 the gradient by rho is that by the scale itself.

Shapes: X (..., D); A_mean and A_scale (D, H); y sample_shape + (..., H + 1), or H
without the column of ones. log_prob and KL are scalars, in nats.
"""

import math
from collections.abc import Mapping
from secrets import randbits
from typing import Any, NamedTuple

from varlayers.checks import check_size
from varlayers.compat.bnn_arguments import check_weights, normal_prior
from varlayers.compat.callables import activation_of
from varlayers.dispatch import kernels_for
from varlayers.divergences.normal_normal import kl_normal_normal
from varlayers.estimators import LocalReparameterization, Reparameterization
from varlayers.maps.matmul import MATMUL
from varlayers.posteriors import MeanFieldNormal
from varlayers.random import Source, fold_in
from varlayers.random import key as make_key
from varlayers.types import Array, Comparison, Saved, Shape, Site

__all__ = ["Backward", "HiddenLayer"]

_POSTERIOR = MeanFieldNormal()


class Backward(NamedTuple):
    """The way back through one sample of a `HiddenLayer`.

    Attributes:
        hidden: the layer.
        passes: what the estimator saved in each of its passes.
        activation: what the non-linearity saved.
    """

    hidden: "HiddenLayer"
    passes: tuple[Saved, ...]
    activation: Saved

    def __call__(self, dy: Array, *, dlog_prob: float = 0.0) -> dict[str, Array]:
        """Return the gradients by "X", "A_mean" and "A_scale".

        Args:
            dy: gradient of the loss by the sample, of the sample's shape.
            dlog_prob: gradient of the loss by `log_prob`: -1 for the loss
                nll - log_prob, the negative evidence lower bound.

        Returns:
            One gradient for each, and for "A_prior_scale" if that is an array.
        """
        return self.hidden._backward(self, dy, dlog_prob)


class HiddenLayer:
    """The output of a dense layer with uncertain weights A, as a distribution.

    Args:
        X: inputs (..., D).
        A_mean: mean of A (D, H); X A, so inputs come first.
        A_scale: standard deviation of A (D, H), > 0; not broadcast.
        non_linearity: a name, "relu" for instance, or an `Elementwise` pair.
        KL_factor: multiplies the divergence in `log_prob`; batch size / data size for a
            loss summed over the batch.
        A_prior_scale: of the prior N(0, A_prior_scale²), > 0; a number, or an array
            that broadcasts to (D, H).
        include_hidden_bias: append a column of ones to the output, so that the last row
            of the next layer's A is its bias.
        weight_space_sampling: draw A once for each sample, in place of each output.
        key: a seed or a key of the noise; without it the noise differs from run to run.

    Attributes:
        dim_X: D.
        dim_H: H.
        has_rsample: True: gradients go through samples.
        has_enumerate_support: False.

    Raises:
        TypeError: if the non-linearity comes without its derivative, or a dtype is not
            floating.
        ValueError: if shapes do not agree, or A_prior_scale is a number <= 0.

    Example:
        >>> import numpy as np
        >>> from varlayers.compat.bnn import HiddenLayer
        >>> layer = HiddenLayer(np.ones((5, 3)), np.zeros((3, 4)), np.ones((3, 4)))
        >>> layer.rsample((2,)).shape, float(layer.KL)
        ((2, 5, 5), 0.0)
    """

    def __init__(
        self,
        X: Array,
        A_mean: Array,
        A_scale: Array,
        non_linearity: Any = "relu",
        KL_factor: float = 1.0,
        A_prior_scale: Any = 1.0,
        include_hidden_bias: bool = True,
        weight_space_sampling: bool = False,
        *,
        key: Source | int | None = None,
    ) -> None:
        self._k = kernels_for(X)
        check_weights(X, A_mean, A_scale)
        self.X, self.A_mean, self.A_scale = X, A_mean, A_scale
        self.non_linearity = activation_of(
            "HiddenLayer", "non_linearity", non_linearity
        )
        self.KL_factor, self.A_prior_scale = KL_factor, A_prior_scale
        self.include_hidden_bias = include_hidden_bias
        self.weight_space_sampling = weight_space_sampling
        self._prior = normal_prior(A_prior_scale, tuple(A_mean.shape))
        seed = randbits(64) if key is None else key
        self._key = seed if isinstance(seed, tuple) else make_key(seed)
        self._calls = 0

        self.dim_X, self.dim_H = A_mean.shape

    def __repr__(self) -> str:
        return f"HiddenLayer(X: {tuple(self.X.shape)}, A: {tuple(self.A_mean.shape)})"

    # ---- the distribution --------------------------------------------------------

    has_rsample = True
    has_enumerate_support = False

    @property
    def batch_shape(self) -> Shape:
        """(): `log_prob` is one number."""
        return ()

    @property
    def event_shape(self) -> Shape:
        """The shape of one sample."""
        return (*self.X.shape[:-1], self.dim_H + self.include_hidden_bias)

    @property
    def event_dim(self) -> int:
        """The number of axes of one sample."""
        return len(self.event_shape)

    def shape(self, sample_shape: Shape = ()) -> Shape:
        """Return the shape of samples."""
        return (*sample_shape, *self.event_shape)

    @property
    def KL(self) -> Array:
        """The divergence of A from its prior in nats; of the arrays as they are."""
        return self._kl(0.0, self._zeros())[0]

    def log_prob(self, value: Array | None = None) -> Array:
        """Return -KL_factor KL, whatever the value: the layer's part of the bound."""
        return -self.KL_factor * self.KL

    def rsample(
        self,
        sample_shape: Shape = (),
        *,
        key: Source | None = None,
        eps: Array | None = None,
    ) -> Array:
        """Return samples of the output; `forward` returns the way back as well."""
        return self.forward(sample_shape, key=key, eps=eps)[0]

    sample = __call__ = rsample  # the way back is asked for by `forward`

    def forward(
        self,
        sample_shape: Shape = (),
        *,
        key: Source | None = None,
        eps: Array | None = None,
    ) -> tuple[Array, Backward]:
        """Return samples of the output, and the way back through them.

        Args:
            sample_shape: how many, each size >= 1.
            key: gives the noise; without it every call draws its own, anew.
            eps: the noise itself, N(0, 1): sample_shape + (..., H), or in weight space
                sample_shape + (D, H).

        Raises:
            TypeError: if a size is not an integer.
            ValueError: if a size is < 1, or the noise has another shape.
        """
        for size in sample_shape:
            check_size("HiddenLayer", "sample_shape", size)
        k, count = self._k, math.prod(sample_shape)
        noise = self._noise(tuple(sample_shape), key, eps)
        noise = k.xp.reshape(noise, (count, *noise.shape[len(sample_shape) :]))
        if self.weight_space_sampling:
            every = [self._pass(self.X, noise[i, ...]) for i in range(count)]
            a = k.xp.stack([a for a, _ in every])
        else:
            x = k.xp.broadcast_to(self.X, (count, *self.X.shape))
            every = [self._pass(x, noise)]
            a = every[0][0]
        y, saved = self.non_linearity.forward(k, a)
        if self.include_hidden_bias:
            y = k.xp.concat([y, k.xp.ones_like(y[..., :1])], axis=-1)
        y = k.xp.reshape(y, self.shape(tuple(sample_shape)))
        return y, Backward(self, tuple(passed for _, passed in every), saved)

    # ---- by the library's parts --------------------------------------------------

    @property
    def _q(self) -> Saved:
        return self.A_mean, self.A_scale, self._k.xp.ones_like(self.A_scale)

    @property
    def _site(self) -> Site:
        return Site(self._k, MATMUL, _POSTERIOR)

    @property
    def _estimator(self) -> LocalReparameterization | Reparameterization:
        if self.weight_space_sampling:
            return Reparameterization()
        return LocalReparameterization()

    def _noise(
        self, sample_shape: Shape, key: Source | None, eps: Array | None
    ) -> Array:
        one = (*self.X.shape[:-1], self.dim_H)
        if self.weight_space_sampling:
            one = tuple(self.A_mean.shape)
        if eps is None:
            if key is None:
                key, self._calls = fold_in(self._key, self._calls), self._calls + 1
            return self._k.normal(key, (*sample_shape, *one), self.A_mean)
        if tuple(eps.shape) != (*sample_shape, *one):
            msg = (
                f"HiddenLayer expected noise `eps` of shape {(*sample_shape, *one)}, "
                f"got {tuple(eps.shape)}."
            )
            raise ValueError(msg)
        return eps

    def _pass(self, x: Array, eps: Array) -> tuple[Array, Saved]:
        (name,) = self._estimator.noise_shapes(
            self._site, tuple(x.shape), tuple(self.A_mean.shape)
        )
        return self._estimator.forward(self._site, self._q, x, {name: eps}, None)

    def _backward(self, way: Backward, dy: Array, dlog_prob: float) -> dict[str, Array]:
        k, width = self._k, self.dim_H
        count = math.prod(dy.shape[: len(dy.shape) - len(self.X.shape)])
        dh = k.xp.reshape(dy[..., :width], (count, *self.X.shape[:-1], width))
        da = self.non_linearity.backward(k, way.activation, dh)
        one_each = self.weight_space_sampling
        das = [da[i, ...] for i in range(count)] if one_each else [da]
        dx, total = k.xp.zeros_like(self.X), self._zeros()
        for saved, part in zip(way.passes, das, strict=True):
            grads = self._estimator.backward(
                self._site, self._q, saved, part, input_gradient=True
            )
            dx = dx + (grads.dx if one_each else k.xp.sum(grads.dx, axis=0))
            total = {n: total[n] + grad for n, grad in grads.dparams.items()}
        _, total, dprior = self._kl(-self.KL_factor * dlog_prob, total)
        found = {"X": dx, "A_mean": total["loc"], "A_scale": total["rho"]}
        if dprior:
            found["A_prior_scale"] = dprior["log_scale"] / self.A_prior_scale
        return found

    def _zeros(self) -> dict[str, Array]:
        zeros = self._k.xp.zeros_like
        return {"loc": zeros(self.A_mean), "rho": zeros(self.A_scale)}

    def _kl(
        self, weight: float, grads: Mapping[str, Array]
    ) -> tuple[Array, dict[str, Array], dict[str, Array]]:
        scale = self.A_prior_scale
        learned = {"log_scale": self._k.xp.log(scale)} if self._prior.shapes else {}
        pair = Comparison(_POSTERIOR, self._prior, self._q, learned, self.dim_X)
        return kl_normal_normal(self._k, pair, weight, grads)
