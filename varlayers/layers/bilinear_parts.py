"""What a bilinear layer is made of: looked up by name, checked, put together.

The settings are the fields of `Bilinear`; from them come the weights, the rule that
draws them, and the beliefs about them, each made once.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, cast

from varlayers.checks import lookup
from varlayers.divergences import DIVERGENCES
from varlayers.estimators import ESTIMATORS, Deterministic
from varlayers.initializers import INITIALIZERS
from varlayers.layers.beliefs import Beliefs
from varlayers.layers.fitting import check_fit
from varlayers.layers.leaf import Leaf
from varlayers.layers.weight import Weight
from varlayers.posteriors import POSTERIORS
from varlayers.priors import PRIORS
from varlayers.types import (
    Divergence,
    Estimator,
    Initializer,
    Map,
    Posterior,
    Prior,
    RandomPosterior,
    Shape,
)

__all__ = ["BilinearParts"]

_DETERMINISTIC = Deterministic()
_INSTEAD_OF_NONE = {
    "estimator": 'Leave it out: with the posterior "point" none is used.',
    "posterior": 'For no uncertainty pass "point".',
    "kernel_initializer": 'To start at 0 pass "zeros".',
    "bias_initializer": 'To start at 0 pass "zeros".',
}


@dataclass(frozen=True, kw_only=True, repr=False)
class BilinearParts(Leaf, ABC):
    """The settings of `Bilinear`, which says what each means."""

    estimator: Estimator | str = "flipout"
    posterior: Posterior | str = "normal"
    prior: Prior | str | None = "normal"
    bias: Posterior | str | None = "point"
    bias_prior: Prior | str | None = None
    kernel_initializer: Initializer | str = "he_uniform"
    bias_initializer: Initializer | str = "zeros"
    divergence: Divergence | str | None = None
    divergence_weight: float = 1.0

    def __post_init__(self) -> None:
        for argument, table in (
            ("estimator", ESTIMATORS),
            ("posterior", POSTERIORS),
            ("prior", PRIORS),
            ("bias", POSTERIORS),
            ("bias_prior", PRIORS),
            ("kernel_initializer", INITIALIZERS),
            ("bias_initializer", INITIALIZERS),
            ("divergence", DIVERGENCES),
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
        if not self.divergence_weight >= 0:
            msg = (
                f"{type(self).__name__} expected `divergence_weight` >= 0, "
                f"got {self.divergence_weight}."
            )
            raise ValueError(msg)
        _ = self._beliefs  # made now, for its checks

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
    def posteriors(self) -> dict[str, Posterior]:
        """The posterior of each weight, by name."""
        return {name: weight.posterior for name, weight in self._weights.items()}

    @property
    def divergences(self) -> dict[str, Divergence]:
        """The divergence in use for each weight that has a prior."""
        return self._beliefs.divergences

    @cached_property
    def _weights(self) -> dict[str, Weight]:
        kernel = (self.posterior, self.prior, self.kernel_initializer, self.fans)
        weights = {"kernel": Weight(self.kernel_shape, *cast("Any", kernel))}
        if self.bias is not None:
            bias = (self.bias, self.bias_prior, self.bias_initializer, self.fans)
            weights["bias"] = Weight(self.kernel_shape[-1:], *cast("Any", bias))
        return weights

    @cached_property
    def _beliefs(self) -> Beliefs:
        choice = cast("Divergence | None", self.divergence)
        owner = type(self).__name__
        return Beliefs(owner, self._weights, choice, self.divergence_weight)

    @cached_property
    def _shapes(self) -> dict[str, Any]:
        """The shape of each parameter."""
        shapes = {name: weight.shapes for name, weight in self._weights.items()}
        return {**shapes, **self._beliefs.shapes}

    @cached_property
    def _ends(self) -> tuple[int, int, int, int]:
        """Where in what `forward` saves the parts of `_split` end, but the last."""
        sizes = [weight.posterior.size for weight in self._weights.values()]
        kernel, both = sizes[0], sum(sizes)
        own = both + self._beliefs.size
        return kernel, both, own, own + (self._drawn_bias is not None)

    @cached_property
    def _rule(self) -> Estimator:
        random = self._weights["kernel"].random
        return _DETERMINISTIC if random is None else cast("Estimator", self.estimator)

    @cached_property
    def _joint_bias(self) -> RandomPosterior | None:
        """The bias's posterior if it enters the estimator by its moments."""
        return self._random_bias if self._rule.joint_bias else None

    @cached_property
    def _drawn_bias(self) -> RandomPosterior | None:
        """The bias's posterior if it is drawn once for the batch."""
        return None if self._rule.joint_bias else self._random_bias

    @cached_property
    def _random_bias(self) -> RandomPosterior | None:
        bias = self._weights.get("bias")
        return None if bias is None else bias.random
