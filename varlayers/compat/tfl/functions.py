"""The functions that `tfp.layers` are given, and what they stand for here.

A function of TFP returns a distribution or a tensor, whose gradient TensorFlow finds.
Here it returns a part of varlayers, which knows its own:

    posterior_fn     a posterior       default_mean_field_normal_fn(…), vl.Point(), …
    prior_fn         a prior           default_multivariate_normal_fn, vl.LaplacePrior()
    divergence_fn    a divergence      lambda q, p, _: kl_divergence(q, p) / num_data
    tensor_fn        sample or mean    lambda d: d.sample(), lambda d: d.mean()

The last two are called once, with placeholders, which record what is asked for.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from inspect import Parameter, signature
from typing import Any, NamedTuple

import numpy as np

from varlayers.checks import lookup
from varlayers.divergences import DIVERGENCES
from varlayers.kernels import Kernels
from varlayers.posteriors import POSTERIORS, MeanFieldNormal, Point
from varlayers.priors import PRIORS, NormalPrior
from varlayers.random import Source
from varlayers.serialization import register_class
from varlayers.types import Array, Divergence, Initializer, Posterior, Prior, Shape

__all__ = [
    "MeanFieldNormalFn",
    "PosteriorChoice",
    "RandomNormal",
    "ScaledKL",
    "Weight",
    "default_loc_scale_fn",
    "default_mean_field_normal_fn",
    "default_multivariate_normal_fn",
    "divergence_of",
    "exact_kl",
    "kl_divergence",
    "posterior_of",
    "prior_of",
]


class Weight(NamedTuple):
    """What a function of TFP is told about a weight; of its shape nothing."""

    dtype: str
    shape: Shape | None
    name: str
    trainable: bool


@register_class
@dataclass(frozen=True)
class RandomNormal:
    """An initializer that draws from N(mean, stddev²)."""

    mean: float = 0.0
    stddev: float = 0.05

    def __call__(
        self, k: Kernels, key: Source, shape: Shape, like: Array, fans: tuple[int, int]
    ) -> Array:
        return self.mean + self.stddev * k.normal(key, shape, like)


_LOC = RandomNormal(stddev=0.1)
_RAW_SCALE = RandomNormal(mean=-3.0, stddev=0.1)


@register_class
@dataclass(frozen=True)
class MeanFieldNormalFn:
    """What `default_mean_field_normal_fn` returns: a posterior and its first values."""

    is_singular: bool
    loc_initializer: Initializer
    untransformed_scale_initializer: Initializer


class PosteriorChoice(NamedTuple):
    """A posterior, and the initializers of its location and raw scale."""

    posterior: Posterior
    loc: Initializer
    raw_scale: Initializer | None


def default_mean_field_normal_fn(
    is_singular: bool = False,
    loc_initializer: Initializer = _LOC,
    untransformed_scale_initializer: Initializer = _RAW_SCALE,
    **others: None,
) -> MeanFieldNormalFn:
    """Return the posterior N(loc, scale²), or a point if `is_singular`.

    scale = softplus(raw) + eps of the dtype, as in `tfp.layers`.

    Args:
        is_singular: a point, without a scale.
        loc_initializer: N(0, 0.1²) by default.
        untransformed_scale_initializer: of raw, N(-3, 0.1²) by default.
        others: the regularizers and constraints of TFP, which must be None.

    Raises:
        TypeError: if a regularizer or constraint is given.
    """
    given = sorted(name for name, value in others.items() if value is not None)
    if given:
        msg = (
            f"default_mean_field_normal_fn expected no {given}. What a weight is "
            "pulled to is its prior's to say, for instance vl.NormalPrior(scale=0.1)."
        )
        raise TypeError(msg)
    return MeanFieldNormalFn(
        is_singular, loc_initializer, untransformed_scale_initializer
    )


default_loc_scale_fn = default_mean_field_normal_fn


def default_multivariate_normal_fn(*weight: Any) -> NormalPrior:
    """Return the prior N(0, 1) of every weight, fixed."""
    return NormalPrior()


@register_class
@dataclass(frozen=True)
class ScaledKL:
    """A divergence times a number; the best available where none is named."""

    factor: float = 1.0
    divergence: Divergence | str | None = None

    def __mul__(self, number: Any) -> "ScaledKL":
        return replace(self, factor=self.factor * float(number))

    __rmul__ = __mul__

    def __truediv__(self, number: Any) -> "ScaledKL":
        return self * (1 / float(number))


def kl_divergence(
    q: Any, p: Any, divergence: Divergence | str | None = None
) -> ScaledKL:
    """Return KL(q ‖ p), to be multiplied or divided by numbers.

    Args:
        q: what a divergence function is given first.
        p: what it is given second.
        divergence: "closed form", "quadrature", "monte carlo" or a divergence, in place
            of the first of these that can compare the two.
    """
    return ScaledKL(1.0, divergence)


def exact_kl(q: Any, p: Any, ignore: Any) -> ScaledKL:
    """Return KL(q ‖ p), unscaled: the default."""
    return kl_divergence(q, p)


def posterior_of(
    owner: str, argument: str, value: Any, weight: Weight
) -> PosteriorChoice | None:
    """Return what a posterior function stands for, or None for None.

    Raises:
        TypeError: if it stands for no posterior.
        ValueError: if a name is unknown.
    """
    found = _called(lookup(owner, argument, value, POSTERIORS), "constrain", weight)
    if found is None:
        return None
    if isinstance(found, MeanFieldNormalFn):
        shift = float(np.finfo(weight.dtype).eps)
        normal = MeanFieldNormal(shift=shift)
        if found.is_singular:
            return PosteriorChoice(Point(), found.loc_initializer, None)
        raw_scale = found.untransformed_scale_initializer
        return PosteriorChoice(normal, found.loc_initializer, raw_scale)
    if not hasattr(found, "constrain"):
        msg = _message(owner, argument, found, "posterior", POSTERIORS)
        raise TypeError(msg)
    return PosteriorChoice(found, _LOC, None)


def prior_of(owner: str, argument: str, value: Any, weight: Weight) -> Prior | None:
    """Return what a prior function stands for, or None for None.

    Raises:
        TypeError: if it stands for no prior.
        ValueError: if a name is unknown.
    """
    found: Any = _called(lookup(owner, argument, value, PRIORS), "shapes", weight)
    if isinstance(found, MeanFieldNormalFn):
        msg = (
            f"{owner} expected a prior for `{argument}`, got "
            "default_mean_field_normal_fn, which would be trained with the posterior. "
            'If that is meant, pass vl.NormalPrior(trainable=("loc", "scale")).'
        )
        raise TypeError(msg)
    if found is None or hasattr(found, "shapes"):
        return found  # type: ignore[no-any-return]
    msg = _message(owner, argument, found, "prior", PRIORS)
    raise TypeError(msg)


def divergence_of(owner: str, argument: str, value: Any) -> ScaledKL | None:
    """Return what a divergence function stands for, or None for None.

    Raises:
        TypeError: if it is a function of a value alone, without gradient.
        ValueError: if a name is unknown.
    """
    if isinstance(value, str):
        lookup(owner, argument, value, DIVERGENCES)
        return ScaledKL(1.0, value)
    if value is None or isinstance(value, ScaledKL):
        return value
    if hasattr(value, "needs") or _required(value) == 4:
        return ScaledKL(1.0, value)
    found = value("q", "p", None) if _required(value) == 3 else None
    if isinstance(found, ScaledKL):
        return found
    msg = (
        f"{owner} expected `{argument}` with its gradient, got {value!r}. Use "
        "tfl.kl_divergence(q, p) in it, times or by a number; or pass one of "
        f"{sorted(DIVERGENCES)}, or a varlayers divergence, as in "
        "docs/how-to/extend.md."
    )
    raise TypeError(msg)


def _called(value: Any, attribute: str, weight: Weight) -> Any:
    """Return value, or what it returns if it is a function of a weight."""
    ours = value is None or hasattr(value, attribute)
    if ours or isinstance(value, MeanFieldNormalFn) or not callable(value):
        return value
    return value(*weight, None)


def _required(function: Callable[..., Any]) -> int:
    if not callable(function):
        return 0
    found = signature(function).parameters.values()
    return sum(p.default is Parameter.empty for p in found)


def _message(
    owner: str, argument: str, found: Any, kind: str, table: Mapping[str, Any]
) -> str:
    return (
        f"{owner} expected `{argument}` to be a {kind} of varlayers, or a function of "
        "(dtype, shape, name, trainable, add_variable_fn) that returns one, got "
        f"{found!r}. A {kind} knows its gradients: choose one of {sorted(table)}, or "
        "write one, as in docs/how-to/extend.md."
    )
