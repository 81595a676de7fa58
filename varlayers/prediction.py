"""Prediction: averages over posterior samples, and the parts of their uncertainty.

With p_s the prediction of posterior sample s, E over s:

    mean          E[mean_s]
    aleatoric     E[variance_s]                  noise of the data
    epistemic     E[mean_s²] - mean²             disagreement of the samples
    variance      aleatoric + epistemic          law of total variance

and for class probabilities p_s, with entropy H in nats,

    entropy              H(E[p_s])               total
    expected_entropy     E[H(p_s)]               aleatoric
    mutual_information   the difference          epistemic, >= 0

The samples are streamed: memory does not grow with their number, unless intervals are
asked for, which keep every sample's mean and one draw of the target.

Reference: Depeweg et al. (2018), "Decomposition of uncertainty in Bayesian deep
learning", arXiv:1710.07283; Houlsby et al. (2011), arXiv:1112.5745.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from varlayers.checks import check_size
from varlayers.dispatch import kernels_for
from varlayers.elbo import ELBO
from varlayers.kernels import Kernels
from varlayers.precision import widened
from varlayers.random import Source, fold_in
from varlayers.types import Array, DiscreteLikelihood, Layer, Params

__all__ = ["Prediction", "log_predictive_density", "posterior_outputs", "predict"]


class Prediction(NamedTuple):
    """What `predict` returns; n counts the examples.

    Attributes:
        mean: expected target; for classes, their probabilities.
        variance: of the target, in all.
        aleatoric: the part of the variance that is noise of the data.
        epistemic: the part that is uncertainty about the weights.
        entropy: (n,), of the predicted distribution, in nats; None but for classes.
        expected_entropy: (n,), its aleatoric part.
        mutual_information: (n,), its epistemic part.
        credible_interval: (lower, upper) for the expected target: of the weights'
            uncertainty alone.
        predictive_interval: (lower, upper) for the target itself.
    """

    mean: Array
    variance: Array
    aleatoric: Array
    epistemic: Array
    entropy: Array | None = None
    expected_entropy: Array | None = None
    mutual_information: Array | None = None
    credible_interval: tuple[Array, Array] | None = None
    predictive_interval: tuple[Array, Array] | None = None


def posterior_outputs(
    elbo: ELBO, params: Params, x: Array, *, key: Source, num_samples: int
) -> Iterator[Array]:
    """Yield the model's outputs at one posterior sample after another.

    Outputs of 16 bits come in float32, so that what is made of them is exact enough.

    Args:
        elbo: holds the model.
        params: as trained.
        x: inputs, (n, ...).
        key: gives the samples.
        num_samples: how many, >= 1.

    Raises:
        TypeError: if num_samples is not an integer.
        ValueError: if it is < 1.
    """
    check_size("posterior_outputs", "num_samples", num_samples)
    output = kernels_for(x).compile(_output)
    for sample in range(num_samples):
        yield output(elbo.model, params["model"], x, fold_in(key, sample))


def _output(model: Layer, params: Params, x: Array, key: Source) -> Array:
    noise = model.draw(key, tuple(x.shape), x)
    return widened(kernels_for(x).xp, model.forward(params, x, noise)[0])


def log_predictive_density(
    elbo: ELBO,
    params: Params,
    x: Array,
    targets: Array,
    *,
    key: Source,
    num_samples: int,
) -> Array:
    """Return log E[p(target | x, sample)] of each example, shape (n,), in nats.

    The score of the averaged prediction, not the average of the samples' scores. By
    Jensen's inequality it is biased low, less with more samples.

    Arguments and errors are those of `posterior_outputs`.
    """
    k, likelihood = kernels_for(x), params.get("likelihood", {})
    highest: Array | None = None
    total: Array = 0.0
    for outputs in posterior_outputs(elbo, params, x, key=key, num_samples=num_samples):
        score = -elbo.likelihood.nll(likelihood, outputs, targets)
        if highest is None:
            highest, total = score, k.xp.ones_like(score)
        else:
            both = k.xp.maximum(highest, score)
            total = total * k.xp.exp(highest - both) + k.xp.exp(score - both)
            highest = both
    return highest + k.xp.log(total / num_samples)


def predict(
    elbo: ELBO,
    params: Params,
    x: Array,
    *,
    key: Source,
    num_samples: int = 32,
    level: float | None = None,
    mean_weights: bool = False,
    batch_size: int | None = None,
) -> Prediction:
    """Return the posterior predictive mean and the parts of its uncertainty.

    Args:
        elbo: holds model and likelihood.
        params: as trained.
        x: inputs, (n, ...); parameters and inputs of 16 bits save time and memory on a
            GPU, and the prediction comes in float32.
        key: gives the samples; the same key gives the same prediction.
        num_samples: posterior samples, >= 1. The error of the mean falls as its root.
        level: probability that the intervals hold, 0 < level < 1; None for none.
        mean_weights: one pass at the posterior's mean instead of samples; nothing is
            epistemic then.
        batch_size: inputs at a time, >= 1; None for all at once. Each batch has noise
            of its own from the key.

    Raises:
        TypeError: if num_samples or batch_size is not an integer.
        ValueError: if an argument is out of range.

    Example:
        >>> import numpy as np, varlayers as vl
        >>> elbo = vl.ELBO(vl.Dense(1, 1), vl.Normal(scale=0.1), num_data=64)
        >>> params = elbo.init(vl.key(0))
        >>> x = np.zeros((3, 1), np.float32)
        >>> prediction = vl.predict(elbo, params, x, key=vl.key(1), level=0.9)
        >>> prediction.mean.shape
        (3, 1)
    """
    check_size("predict", "num_samples", num_samples)
    if level is not None and not 0 < level < 1:
        msg = f"predict expected 0 < `level` < 1, got {level}."
        raise ValueError(msg)
    if mean_weights:
        elbo, num_samples = replace(elbo, model=elbo.model.at_mean()), 1
    if batch_size is None:
        return _predict(elbo, params, x, key, num_samples, level)
    check_size("predict", "batch_size", batch_size)
    parts = [
        _predict(
            elbo,
            params,
            x[start : start + batch_size, ...],
            fold_in(key, start),
            num_samples,
            level,
        )
        for start in range(0, max(x.shape[0], 1), batch_size)
    ]
    return _concatenated(kernels_for(x), parts)


def _predict(
    elbo: ELBO,
    params: Params,
    x: Array,
    key: Source,
    num_samples: int,
    level: float | None,
) -> Prediction:
    """Stream the samples: running means, Welford's sum of squares, entropies."""
    k, likelihood = kernels_for(x), elbo.likelihood
    own = params.get("likelihood", {})
    average, kept = _Average(), []
    squares: Array = 0.0
    key, key_targets = fold_in(key, 0), fold_in(key, 1)
    outputs_of = posterior_outputs(elbo, params, x, key=key, num_samples=num_samples)
    for sample, outputs in enumerate(outputs_of):
        mean = likelihood.mean(own, outputs)
        before = average.values[0] if sample else mean
        figures = [mean, likelihood.variance(own, outputs)]
        if isinstance(likelihood, DiscreteLikelihood):
            figures.append(likelihood.entropy(mean))
        average.add(figures)
        squares = squares + (mean - before) * (mean - average.values[0])
        if level is not None:
            target = likelihood.sample(own, outputs, fold_in(key_targets, sample))
            kept.append((mean, target))
    mean, aleatoric, *entropies = average.values
    epistemic = squares / num_samples
    prediction = Prediction(mean, aleatoric + epistemic, aleatoric, epistemic)
    if isinstance(likelihood, DiscreteLikelihood):
        total, expected = likelihood.entropy(mean), entropies[0]
        information = k.xp.clip(total - expected, 0.0, None)
        prediction = prediction._replace(
            entropy=total, expected_entropy=expected, mutual_information=information
        )
    return prediction if level is None else _with_intervals(k, prediction, kept, level)


class _Average:
    """Running means of a few arrays."""

    def __init__(self) -> None:
        self.values: list[Array] = []
        self.count = 0

    def add(self, figures: list[Array]) -> None:
        self.count += 1
        self.values = [
            value + (figure - value) / self.count
            for value, figure in zip(self.values or figures, figures, strict=True)
        ]


def _with_intervals(
    k: Kernels, prediction: Prediction, kept: list[tuple[Array, Array]], level: float
) -> Prediction:
    means = k.xp.stack([mean for mean, _ in kept], axis=0)
    targets = k.xp.stack([target for _, target in kept], axis=0)
    prediction = prediction._replace(credible_interval=_interval(k, means, level))
    if targets.shape != means.shape:  # classes have no order
        return prediction
    targets = k.xp.astype(targets, means.dtype)
    return prediction._replace(predictive_interval=_interval(k, targets, level))


def _interval(k: Kernels, draws: Array, level: float) -> tuple[Array, Array]:
    """Return the central interval of draws (s, ...) over axis 0."""
    ordered = k.xp.sort(draws, axis=0)
    return _quantile(ordered, (1 - level) / 2), _quantile(ordered, (1 + level) / 2)


def _quantile(ordered: Array, probability: float) -> Array:
    """Interpolate between the order statistics, as numpy.quantile does."""
    place = probability * (ordered.shape[0] - 1)
    low = int(place)
    high = min(low + 1, ordered.shape[0] - 1)
    weight = place - low
    return (1 - weight) * ordered[low, ...] + weight * ordered[high, ...]


def _concatenated(k: Kernels, parts: list[Prediction]) -> Prediction:
    def join(values: tuple[Any, ...]) -> Any:
        if values[0] is None:
            return None
        if isinstance(values[0], tuple):
            return tuple(join(ends) for ends in zip(*values, strict=True))
        return k.xp.concat(list(values), axis=0)

    return Prediction(*(join(values) for values in zip(*parts, strict=True)))
