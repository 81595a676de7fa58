"""What a layer believes of its weights beforehand: priors, and how they are compared.

Of each weight with a prior: what the prior learns, a parameter of the layer named
"<weight>_prior", and the noise of its divergence, if that needs samples. With one
sample the weight's own noise serves; else there is "<weight>_divergence", of shape
(num_samples, *the posterior's noise).

    forward                                   backward
    saved = (*prior's parameters, *noise)     d<weight>_prior = 0
                                              add_kl: += weight ∂D(q ‖ prior)

each of these for each weight in turn.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from varlayers.divergences import divergence_of
from varlayers.kernels import Kernels
from varlayers.layers.weight import Weight
from varlayers.priors import Unused
from varlayers.random import Source, fold_in, key
from varlayers.types import Array, Comparison, Divergence, Noise, Params, Saved, Shape

__all__ = ["Beliefs"]


class Beliefs:
    """The priors of a layer's weights and their divergences.

    Args:
        owner: the layer, for the messages.
        weights: by name; those without a prior are left out.
        choice: the divergence of all, or None for the best available of each.
        factor: what every divergence is multiplied by.

    Raises:
        ValueError: if a divergence cannot compare a weight's posterior and prior.
    """

    def __init__(
        self,
        owner: str,
        weights: Mapping[str, Weight],
        choice: Divergence | None,
        factor: float,
    ) -> None:
        self._weights = {n: w for n, w in weights.items() if w.prior is not None}
        self._choice, self._factor = choice, factor
        try:
            self._counts = {
                name: getattr(divergence, "num_samples", 0)
                for name, divergence in self.divergences.items()
            }
        except NotImplementedError as error:
            msg = f"{owner} expected{str(error).removeprefix('Expected')}"
            raise ValueError(msg) from None
        self.shapes: dict[str, dict[str, Shape]] = {
            f"{name}_prior": shapes
            for name, weight in self._weights.items()
            if (shapes := _prior(weight).shapes)
        }
        self.size = sum(map(len, self.shapes.values())) + sum(self._counts.values())

    @property
    def draws(self) -> bool:
        """Whether a divergence looks at samples."""
        return any(self._counts.values())

    @property
    def divergences(self) -> dict[str, Divergence]:
        """The divergence of each weight that is compared with its prior."""
        return {
            name: divergence_of(weight.posterior, _prior(weight), self._choice)
            for name, weight in self._weights.items()
            if not isinstance(weight.prior, Unused)
        }

    def init(self, k: Kernels, like: Array) -> dict[str, Any]:
        """Return what the priors learn at first."""
        return {
            f"{name}_prior": _prior(weight).init(k, like)
            for name, weight in self._weights.items()
            if f"{name}_prior" in self.shapes
        }

    def noise_shapes(self, others: Mapping[str, Shape]) -> dict[str, Shape]:
        """Return the shapes of the noise that those of the weights leave open."""
        shapes = {}
        for name, count in self._counts.items():
            weight = self._weights[name]
            if count > (name in others) and weight.random is not None:
                shape = weight.random.noise_shape(weight.shape)
                shapes[f"{name}_divergence"] = (count, *shape)
        return shapes

    def draw(
        self, k: Kernels, source: Source, shapes: Mapping[str, Shape], like: Array
    ) -> dict[str, Array]:
        """Draw noise of the shapes that `noise_shapes` returns."""
        noise = {}
        for index, (name, weight) in enumerate(self._weights.items()):
            full = f"{name}_divergence"
            if full in shapes and weight.random is not None:
                own, (count, *shape) = fold_in(source, index), shapes[full]
                draws = [
                    weight.random.draw(k, fold_in(own, i), tuple(shape), like)
                    for i in range(count)
                ]
                noise[full] = k.xp.stack(draws)
        return noise

    def save(self, params: Params, noise: Noise) -> Saved:
        """Return what `add_kl` needs, from the layer's parameters and noise."""
        saved: list[Array] = []
        for name in self._weights:
            prior = f"{name}_prior"
            saved += [params[prior][part] for part in self.shapes.get(prior, {})]
            saved += self._samples(name, noise)
        return tuple(saved)

    def save_without_noise(self, k: Kernels, params: Params, like: Array) -> Saved:
        """Return the same with noise from a key of its own, always the same."""
        shapes = self.noise_shapes({})
        return self.save(params, self.draw(k, key(0), shapes, like))

    def zeros(self, k: Kernels, saved: Saved) -> dict[str, Any]:
        """Return zero gradients by what the priors learn."""
        return {
            f"{name}_prior": {part: k.xp.zeros_like(a) for part, a in prior.items()}
            for name, prior, _ in self._split(saved)
            if prior
        }

    def add_kl(
        self,
        k: Kernels,
        qs: Mapping[str, Saved],
        saved: Saved,
        dparams: Params,
        weight: float,
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the divergences and dparams + weight * their gradient."""
        kls, total, factor = {}, dict(dparams), self._factor
        for name, prior_params, noise in self._split(saved):
            part = self._weights[name]
            prior, fan_in = _prior(part), part.fans[0]
            if isinstance(prior, Unused):
                continue
            divergence = divergence_of(part.posterior, prior, self._choice)
            pair = Comparison(
                part.posterior, prior, qs[name], prior_params, fan_in, noise
            )
            kl, total[name], dprior = divergence(k, pair, weight * factor, total[name])
            kls[name] = kl if factor == 1 else kl * factor
            if prior_params:
                start = total[f"{name}_prior"]
                total[f"{name}_prior"] = {n: start[n] + dprior[n] for n in start}
        return kls, total

    def _samples(self, name: str, noise: Noise) -> list[Array]:
        count, own = self._counts.get(name, 0), noise.get(f"{name}_divergence")
        if own is not None:
            return [own[i, ...] for i in range(count)]
        return [noise[name]] if count else []

    def _split(
        self, saved: Saved
    ) -> Iterator[tuple[str, dict[str, Array], tuple[Array, ...]]]:
        """Yield the name, prior's parameters and noise of each weight."""
        start = 0
        for name in self._weights:
            names = list(self.shapes.get(f"{name}_prior", {}))
            middle = start + len(names)
            end = middle + self._counts.get(name, 0)
            yield (
                name,
                dict(zip(names, saved[start:middle], strict=True)),
                tuple(saved[middle:end]),
            )
            start = end


def _prior(weight: Weight) -> Any:
    return weight.prior
