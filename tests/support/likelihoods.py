"""One problem per likelihood and form of its targets: the rows of the shared tests."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from varlayers.likelihoods import (
    Bernoulli,
    Categorical,
    HeteroscedasticNormal,
    Normal,
    NormalLearnedScale,
    Poisson,
)

__all__ = ["CASES", "Case", "call"]

SCALES = (0.5, 2.0, 1.5, 0.1)


@dataclass(frozen=True)
class Case:
    """A likelihood, and how to make outputs and targets for a batch of n."""

    likelihood: Any
    axes: tuple[int, ...]
    kind: str

    def problem(self, n: int = 5, seed: int = 0) -> tuple[dict, Any, Any]:
        """Return (params, outputs, targets), float64 and NumPy, of n examples."""
        rng = np.random.default_rng(seed)
        outputs = rng.normal(size=(n, *self.axes))
        params = {
            name: value + 0.1 * rng.normal(size=value.shape)
            for name, value in self.likelihood.init(outputs).items()
        }
        return params, outputs, self._targets(rng, outputs)

    def _targets(self, rng: np.random.Generator, outputs: Any) -> Any:
        shape = outputs.shape
        if self.kind == "classes":
            return rng.integers(shape[-1], size=shape[:-1])
        if self.kind == "rows":
            return rng.dirichlet(np.ones(shape[-1]), size=shape[:-1])
        if self.kind == "bits":
            return rng.integers(2, size=shape)
        if self.kind == "counts":
            return rng.poisson(np.exp(outputs))
        if self.kind == "halves":
            shape = (*shape[:-1], shape[-1] // 2)
        return rng.normal(size=shape)


CASES = {
    "categorical classes": Case(Categorical(), (4,), "classes"),
    "categorical classes in sequence": Case(Categorical(), (2, 4), "classes"),
    "categorical rows": Case(Categorical(), (4,), "rows"),
    "categorical one class": Case(Categorical(), (1,), "classes"),
    "bernoulli": Case(Bernoulli(), (4,), "bits"),
    "bernoulli scalar": Case(Bernoulli(), (), "bits"),
    "normal": Case(Normal(0.7), (2, 4), "numbers"),
    "normal scalar": Case(Normal(), (), "numbers"),
    "normal scales": Case(Normal(SCALES), (2, 4), "numbers"),
    "learned scale": Case(NormalLearnedScale(0.8), (2, 4), "numbers"),
    "learned scale scalar": Case(NormalLearnedScale(0.8), (), "numbers"),
    "learned scales": Case(NormalLearnedScale(shape=(4,)), (2, 4), "numbers"),
    "learned scales of all": Case(NormalLearnedScale(shape=(2, 4)), (2, 4), "numbers"),
    "heteroscedastic": Case(HeteroscedasticNormal(), (2, 8), "halves"),
    "poisson": Case(Poisson(), (4,), "counts"),
    "poisson scalar": Case(Poisson(), (), "counts"),
}


def call(library: Any, function: Any, *arguments: Any) -> Any:
    """Call a function, compiled where the library is JAX: faster, and a test of it."""
    if library.name == "jax":
        import jax

        function = jax.jit(function)
    return function(*arguments)
