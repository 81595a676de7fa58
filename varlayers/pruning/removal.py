"""`prune`: set the weights that say least to zero, or leave them out.

Every weight is scored, and the lowest go.

    scores  of all weights considered                     `pruning.scores`
    kept    = those not among the lowest
    same    loc = 0 and the least scale where not kept: `masked` of the posterior
    points  loc = mean where kept, 0 elsewhere; no scale, no prior
    shrink  units that nothing enters or leaves are cut out: `pruning.shrinking`
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from typing import Any, cast

import numpy as np

from varlayers.dispatch import kernels_for
from varlayers.pruning.arguments import check_arguments
from varlayers.pruning.pruned import Count, Pruned
from varlayers.pruning.scores import (
    Candidate,
    kept_below,
    kept_but,
    scores,
)
from varlayers.pruning.shrinking import shrink as shrink_chain
from varlayers.summary import walk
from varlayers.types import Array, Layer, Params

__all__ = ["prune"]


def prune(
    layer: Layer,
    params: Params,
    *,
    fraction: float | None = None,
    threshold: float | None = None,
    criterion: str | None = None,
    scope: str = "global",
    biases: bool = False,
    to: str = "same",
    shrink: bool = False,
) -> Pruned:
    """Remove the weights that say least; return a sparse, or a smaller, model.

    Give `fraction` or `threshold`, one of them. At the mean weights the outputs are
    those of the model with the pruned weights at 0. Nothing that is passed in changes.

    Args:
        layer: any layer.
        params: its parameters, of any array library: of `fit`'s state those of the
            model, `state["params"]["model"]`.
        fraction: the part of the weights that goes, from 0 to 1, those pruned before
            included.
        threshold: weights go whose |loc|/scale ("snr") or |loc| ("magnitude") is below
            it, >= 0, or whose log alpha is above it; 3 is Molchanov et al.'s choice.
        criterion: "snr", |loc|/scale (Graves 2011, Blundell et al. 2015); "log alpha",
            log(scale²/loc²), for a log-uniform prior (Molchanov et al. 2017), in the
            same order; "magnitude", |loc|. By default "snr" for random weights and
            "magnitude" for points.
        scope: "global", a fraction of all weights together; "layer", of each array.
        biases: whether biases are pruned as well.
        to: "same" keeps the posteriors: a pruned weight has loc 0 and the least scale
            its posterior has, `shift` for a mean-field normal. "deterministic" makes
            them points at their means, without priors.
        shrink: leave out units that nothing enters or leaves, so that the arrays get
            smaller: in each `Sequential`, between `Dense` and `Convolution` without
            groups, through activations, dropout, pooling, up-sampling and `Flatten`;
            not where a posterior or prior depends on the size or place of its weights.

    Returns:
        layer, params, mask and counts; `.table` shows the counts as text. To train on,
        wrap the optimizer: `Masked(optimizer, {"model": pruned.mask})`.

    Raises:
        TypeError: if `params` is no dict, or a layer with weights names no posteriors.
        ValueError: if an argument is out of range, the criterion does not suit the
            weights, or a posterior has no way to remove single weights.

    Example:
        >>> import varlayers as vl
        >>> hidden, out = vl.Dense(8, 4), vl.Dense(4, 2)
        >>> model = vl.Sequential([hidden, vl.Activation("relu"), out])
        >>> pruned = vl.prune(model, model.init(vl.key(0)), fraction=0.75)
        >>> pruned.sparsity, sum(count.kept for count in pruned.counts)
        (0.75, 10)
    """
    check_arguments(params, fraction, threshold, criterion, scope, to)
    found = list(_candidates(layer, params, biases=biases, same=to == "same"))
    groups = [found] if scope == "global" else [[one] for one in found]
    kept: dict[str, Any] = {}
    for group in groups:
        scored = scores(group, criterion)
        remaining = (
            kept_but(scored, fraction)
            if fraction is not None
            else kept_below(scored, cast("float", threshold), criterion)
        )
        kept |= zip((one.name for one in group), remaining, strict=True)
    points = to == "deterministic"
    params, mask = _applied(layer, params, kept, points=points)
    if points:
        layer = _rebuilt(layer, _with_points)
    if shrink:
        layer, params, mask = shrink_chain(layer, params, mask)
    return Pruned(layer, params, mask, tuple(_counts(layer, params, mask, kept)))


def _candidates(
    layer: Layer, params: Params, *, biases: bool, same: bool
) -> Iterator[Candidate]:
    for path, leaf, values, _ in walk(layer, params):
        posteriors = getattr(leaf, "posteriors", {})
        for name, weight in leaf.weights(values).items():
            full = f"{path}.{name}" if path else name
            if name not in posteriors:
                msg = (
                    f"prune expected layers that name their `posteriors`, got "
                    f"{type(leaf).__name__} with the weight {full!r}."
                )
                raise TypeError(msg)
            if name.endswith("bias") and not biases:
                continue
            posterior = posteriors[name]
            if same and not hasattr(posterior, "masked"):
                msg = (
                    f"prune expected posteriors whose weights can be removed one by "
                    f"one, got {type(posterior).__name__} for {full!r}. "
                    'Choose to="deterministic".'
                )
                raise ValueError(msg)
            loc, scale = (_host(weight[part]) for part in ("loc", "scale"))
            yield Candidate(full, loc, scale, not posterior.deterministic)


def _applied(
    layer: Layer,
    params: Params,
    kept: Mapping[str, Any],
    *,
    points: bool,
    path: str = "",
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return parameters and mask of a layer, its place in the model being `path`."""
    new: dict[str, Any] = dict(params)
    mask: dict[str, Any] = {}
    for name, (child, _) in layer.children().items():
        if name in params:
            inner = f"{path}{name}."
            new[name], part = _applied(
                child, params[name], kept, points=points, path=inner
            )
            mask |= {name: part} if part else {}
    posteriors = getattr(layer, "posteriors", {})
    if points and posteriors:
        k = kernels_for(params["kernel"]["loc"])
        new = {n: {"loc": p.mean(k, params[n])} for n, p in posteriors.items()}
    for name, posterior in posteriors.items():
        if f"{path}{name}" in kept:
            new[name], mask[name] = _masked(
                posterior, new[name], kept[f"{path}{name}"], points=points
            )
    return new, mask


def _masked(
    posterior: Any, params: Params, kept: Any, *, points: bool
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Return a weight's parameters, and the mask of those shaped like the weight."""
    loc = params["loc"]
    k = kernels_for(loc)
    remains = k.asarray(kept, loc) > 0
    if points:
        new = {"loc": k.xp.where(remains, loc, k.xp.zeros_like(loc))}
    else:
        new = posterior.masked(k, params, remains)
    return new, {n: remains for n, a in new.items() if a.shape == loc.shape}


def _rebuilt(layer: Layer, change: Callable[[Layer], Layer]) -> Layer:
    """Return the layer with its innermost layers changed."""
    children = [child for child, _ in layer.children().values()]
    if not children:
        return change(layer)

    def part(value: Any) -> Any:
        if isinstance(value, tuple | list):
            return tuple(part(inner) for inner in value)
        inside = any(value is child for child in children)
        return _rebuilt(value, change) if inside else value

    own = cast("Any", layer)
    return cast(
        "Layer",
        replace(own, **{f.name: part(getattr(layer, f.name)) for f in fields(own)}),
    )


def _with_points(layer: Layer) -> Layer:
    return cast("Any", layer).with_points() if hasattr(layer, "posteriors") else layer


def _counts(
    layer: Layer, params: Params, mask: Params, kept: Mapping[str, Any]
) -> Iterator[Count]:
    places = {path: (leaf, values) for path, leaf, values, _ in walk(layer, params)}
    masks = {path: values for path, _, values, _ in walk(layer, mask)}
    for name, before in kept.items():
        path, _, weight = name.rpartition(".")
        leaf, values = places[path]
        remaining = int(np.sum(_host(masks[path][weight]["loc"])))
        shape = tuple(values[weight]["loc"].shape)
        kind = type(leaf).__name__
        yield Count(name, kind, shape, before.size, before.size - remaining)


def _host(x: Array) -> Any:
    return np.asarray(kernels_for(x).to_numpy(x), dtype=np.float64)
