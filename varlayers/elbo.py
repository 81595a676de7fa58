"""The evidence lower bound: the one place where the divergence is scaled.

    loss = Σ nll / n + beta Σ D(posterior, prior) / num_data

over the n examples of the batch, averaged over the posterior samples. It is minus the
bound divided by num_data, in nats per example, so its size does not depend on the
size of the data; times num_data it is num_data / n Σ nll + beta Σ D.

With beta = 1 its expectation bounds minus the log-evidence. A smaller beta gives a
tempered, "cold" posterior; a schedule that rises to 1 is warm-up.

Reference: Graves (2011), "Practical variational inference for neural networks";
Blundell et al. (2015), arXiv:1505.05424.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from varlayers import tree
from varlayers.checks import check_size
from varlayers.dispatch import kernels_for
from varlayers.random import Source, fold_in
from varlayers.types import Array, Layer, Likelihood, Noise, Params, Schedule

__all__ = ["ELBO", "Loss"]


class Loss(NamedTuple):
    """The objective and its parts, all in nats.

    Attributes:
        loss: nll + beta kl / num_data, per example.
        nll: minus the log-likelihood per example, averaged over batch and samples.
        kl: the divergences of all layers, summed.
        kl_parts: the same apart, nested by layer and weight.
        beta: the factor in use.
    """

    loss: Array
    nll: Array
    kl: Array
    kl_parts: dict[str, Any]
    beta: float


@dataclass(frozen=True)
class ELBO:
    """A model and a likelihood as an objective with hand-derived gradients.

    Args:
        model: the layer whose outputs the likelihood reads.
        likelihood: of the targets given the outputs.
        num_data: the number of examples in the whole training set, >= 1.
        beta: factor of the divergence, >= 0, or a schedule of it.
        num_samples: posterior samples per step, >= 1.

    Raises:
        TypeError: if num_data or num_samples is not an integer.
        ValueError: if an argument is out of range.

    Example:
        >>> import numpy as np, varlayers as vl
        >>> elbo = vl.ELBO(vl.Dense(2, 3), vl.Categorical(), num_data=100)
        >>> x, targets = np.ones((5, 2), np.float32), np.array([0, 1, 2, 0, 1])
        >>> params = elbo.init(vl.key(0), like=x)
        >>> loss, grads = elbo.value_and_grad(params, x, targets, vl.key(1))
        >>> sorted(grads["model"])
        ['bias', 'kernel']
    """

    model: Layer
    likelihood: Likelihood
    num_data: int
    beta: float | Schedule = 1.0
    num_samples: int = 1

    def __post_init__(self) -> None:
        check_size("ELBO", "num_data", self.num_data)
        check_size("ELBO", "num_samples", self.num_samples)
        if not callable(self.beta) and not self.beta >= 0:
            msg = f"ELBO expected `beta` >= 0, got {self.beta}."
            raise ValueError(msg)

    def init(self, key: Source, like: Array | None = None) -> dict[str, Any]:
        """Return {"model": …, "likelihood": …}; the latter only if it has any."""
        params = {"model": self.model.init(key, like)}
        likelihood = self.likelihood.init(like)
        return {**params, "likelihood": likelihood} if likelihood else params

    def draw(self, key: Source, x: Array) -> tuple[Noise, ...]:
        """Draw the noise of one step, one dict per posterior sample."""
        return tuple(
            self.model.draw(fold_in(key, sample), tuple(x.shape), x)
            for sample in range(self.num_samples)
        )

    def beta_at(self, step: int) -> float:
        """Return the factor of the divergence at `step`."""
        return self.beta(step) if callable(self.beta) else float(self.beta)

    def value_and_grad(
        self, params: Params, x: Array, targets: Array, key: Source, *, step: int = 0
    ) -> tuple[Loss, dict[str, Any]]:
        """Return the loss and its gradient, with noise drawn from `key`.

        Args:
            params: as `init` returns them.
            x: a batch of inputs; its first axis counts the examples.
            targets: what the likelihood expects.
            key: gives the noise of this step; use a new one for each.
            step: where in the schedule of beta.
        """
        noises, beta = self.draw(key, x), self.beta_at(step)
        return self.value_and_grad_at(params, x, targets, noises, beta)

    def value_and_grad_at(
        self,
        params: Params,
        x: Array,
        targets: Array,
        noises: Sequence[Noise],
        beta: float,
    ) -> tuple[Loss, dict[str, Any]]:
        """Return the loss and its gradient at given noise, one dict per sample.

        Raises:
            ValueError: if there is no sample.
        """
        if not noises:
            msg = "ELBO expected at least one sample in `noises`, got none."
            raise ValueError(msg)
        samples = [
            self._sample(params, x, targets, noise, beta, len(noises))
            for noise in noises
        ]
        (nll, kl_parts, grads), *others = samples
        for other_nll, other_parts, other_grads in others:
            nll = nll + other_nll
            kl_parts = tree.map_leaves(_add, kl_parts, other_parts)
            grads = tree.map_leaves(_add, grads, other_grads)
        zero = kernels_for(nll).xp.zeros_like(nll)
        kl = sum(tree.leaves(kl_parts), start=zero)
        return Loss(nll + beta / self.num_data * kl, nll, kl, kl_parts, beta), grads

    def _sample(
        self,
        params: Params,
        x: Array,
        targets: Array,
        noise: Noise,
        beta: float,
        count: int,
    ) -> tuple[Array, dict[str, Any], dict[str, Any]]:
        """Return one sample's share of nll, divergences and gradient."""
        y, saved = self.model.forward(params["model"], x, noise)
        scale = 1 / (count * max(x.shape[0], 1))
        nll, dy, dlikelihood = self.likelihood.value_and_grad(
            params.get("likelihood", {}), y, targets
        )
        _, dmodel = self.model.backward(saved, dy * scale, input_gradient=False)
        weight = beta / (self.num_data * count)
        kl_parts, dmodel = self.model.add_kl(saved, dmodel, weight)
        kl_parts = tree.map_leaves(lambda kl: kl / count, kl_parts)
        grads = {"model": dmodel}
        if dlikelihood:
            grads["likelihood"] = tree.map_leaves(lambda d: d * scale, dlikelihood)
        return nll * scale, kl_parts, grads


def _add(one: Array, other: Array) -> Array:
    return one + other
