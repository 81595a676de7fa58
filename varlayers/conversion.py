"""A Bayesian model around a trained deterministic one, its weights the prior means.

    prior       N(w, prior_scale²)
    posterior   N(w, s²) at first,    s = noise max(|w|, rms(w) / 10)
                rho = softplus⁻¹(s - shift) = e + log(-expm1(-e)),    e = s - shift

for each trained weight w of a layer, with rms over the array that it is in; so that a
weight near 0 starts with some noise too. What the first training found is kept where
the data of the second say nothing.

Reference: Krishnan, Subedar & Tickoo (2020), "Specifying weight priors in Bayesian deep
neural networks with empirical Bayes", arXiv:1906.05323.
"""

from dataclasses import replace
from typing import Any, NamedTuple

from varlayers.checks import lookup
from varlayers.dispatch import kernels_for
from varlayers.estimators import ESTIMATORS
from varlayers.layers import Residual, Sequential
from varlayers.layers.bilinear import Bilinear
from varlayers.posteriors import MeanFieldNormal
from varlayers.priors import NormalPrior
from varlayers.types import Array, Estimator, Layer, Params

__all__ = ["from_deterministic"]


def from_deterministic(
    model: Layer,
    params: Params,
    *,
    prior_scale: float = 1.0,
    noise: float = 0.1,
    bias: bool = False,
    estimator: Estimator | str = "flipout",
) -> tuple[Layer, dict[str, Any]]:
    """Return the Bayesian model, and its parameters, around trained weights.

    Dense and convolutional layers get a mean-field normal posterior; every other layer
    stays as it is. Nothing is copied but the locations of the priors.

    Args:
        model: a layer, or `Sequential` and `Residual` of layers; one with posteriors of
            its own is taken at its mean.
        params: the trained parameters, in any array library.
        prior_scale: standard deviation of the priors, > 0.
        noise: the posterior's first scale as a fraction of each weight's size, > 0.
        bias: whether the biases become random too; else they are points, no prior.
        estimator: of every layer made.

    Raises:
        TypeError: if a container other than these two is inside.
        ValueError: if a number is not positive, or params are not the model's.

    Example:
        >>> import varlayers as vl
        >>> dense = vl.Dense(4, 3, posterior="point", prior=None)
        >>> trained = dense.init(vl.key(0))
        >>> model, params = vl.from_deterministic(dense, trained)
        >>> sorted(params["kernel"])
        ['loc', 'rho']
    """
    for name, value in (("prior_scale", prior_scale), ("noise", noise)):
        if not value > 0:
            msg = f"from_deterministic expected `{name}` > 0, got {value}."
            raise ValueError(msg)
    rule: Any = lookup("from_deterministic", "estimator", estimator, ESTIMATORS)
    return _convert(model, params, _Settings(prior_scale, noise, bias, rule))


class _Settings(NamedTuple):
    prior_scale: float
    noise: float
    bias: bool
    estimator: Estimator


def _convert(
    layer: Layer, params: Params, settings: _Settings
) -> tuple[Layer, dict[str, Any]]:
    if isinstance(layer, Bilinear):
        return _bayesian(layer, params, settings)
    made = {
        name: _convert(child, params.get(name, {}), settings)
        for name, (child, _) in layer.children().items()
    }
    if not made:
        return layer, dict(params)
    layers = {name: part for name, (part, _) in made.items()}
    every = {name: own for name, (_, own) in made.items() if own}
    if isinstance(layer, Sequential):
        return Sequential(tuple(layers.values())), every
    if isinstance(layer, Residual):
        return Residual(**layers), every
    msg = (
        "from_deterministic expected layers in Sequential and Residual, "
        f"got the container {type(layer).__name__}. Convert its layers one by one."
    )
    raise TypeError(msg)


def _bayesian(
    layer: Bilinear, params: Params, settings: _Settings
) -> tuple[Layer, dict[str, Any]]:
    posterior = MeanFieldNormal()
    means = {name: part["loc"] for name, part in layer.weights(params).items()}
    random = [name for name in means if name == "kernel" or settings.bias]
    priors = {
        name: NormalPrior(_host(means[name]), settings.prior_scale) for name in random
    }
    made = {
        name: {"loc": w, "rho": _rho(w, settings.noise, posterior.shift)}
        if name in random
        else {"loc": w}
        for name, w in means.items()
    }
    bias: Any = None
    if "bias" in means:
        bias = posterior if settings.bias else "point"
    return (
        replace(
            layer,
            estimator=settings.estimator,
            posterior=posterior,
            prior=priors["kernel"],
            bias=bias,
            bias_prior=priors.get("bias"),
        ),
        made,
    )


def _host(w: Array) -> Any:
    return kernels_for(w).to_numpy(w)


def _rho(w: Array, noise: float, shift: float) -> Array:
    xp = kernels_for(w).xp
    size, rms = xp.abs(w), xp.sqrt(xp.mean(w * w))
    s = noise * xp.where(size > 0.1 * rms, size, 0.1 * rms)
    excess = xp.where(s > 2 * shift, s - shift, shift * xp.ones_like(s))
    return excess + xp.log(-xp.expm1(-excess))
