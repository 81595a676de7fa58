"""Cut units out of chains of layers, so that arrays get smaller and outputs stay.

Of two layers a and b with weights, one after the other in a `Sequential`, and what lies
between them, unit j of a can go when

    nothing reads it        all of b's weights on j are gone: exact, whatever j is
    it is always 0          all of a's weights into j and its bias are gone, and
                            f(0) = 0 for every activation between

where a random weight is gone when it was pruned, and a point when it is 0. Each may
make the other true one layer on, so both are tried until nothing changes. One unit at
least remains.

    between a and b     Activation, Dropout, pooling, UpSampling: channel by channel
                        Flatten, to a Dense: unit j of a is inputs p C + j of b
    units of a          kernel [..., j], bias [j]
    inputs of b         kernel [..., j, :]

a and b are `Dense` or `Convolution` without groups, of points or of independent normals
with a scale for each weight, whose priors are the same for each weight and do not
depend on their number. Elsewhere nothing shrinks, nor do the chain's own inputs and
outputs.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any, NamedTuple, cast

import numpy as np

from varlayers.dispatch import kernels_for
from varlayers.layers import (
    Activation,
    AveragePool,
    Convolution,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool,
    GlobalMaxPool,
    MaxPool,
    Residual,
    Sequential,
    UpSampling,
)
from varlayers.priors import LogUniformPrior
from varlayers.priors.location_scale import LocationScalePrior
from varlayers.types import Array, Layer, Params

__all__ = ["shrink"]

_GLOBAL = (GlobalAveragePool, GlobalMaxPool)
_BY_CHANNEL = (AveragePool, MaxPool, UpSampling, *_GLOBAL)


class _Link(NamedTuple):
    """Two layers of a chain, and what the units of the one are to the other."""

    start: int
    end: int
    zero_stays: bool


def shrink(
    layer: Layer, params: Params, mask: Params
) -> tuple[Layer, dict[str, Any], dict[str, Any]]:
    """Return a smaller layer, its parameters, and the mask cut alike.

    Args:
        layer: what is neither `Sequential` nor `Residual` is left alone.
        params: its parameters, those that are masked 0.
        mask: nested as the parameters, as `Pruned.mask`.
    """
    new, cut = dict(params), dict(mask)
    if not isinstance(layer, Residual | Sequential):
        return layer, new, cut
    parts = {}
    for name, (inner, _) in layer.children().items():
        parts[name], new[name], cut[name] = shrink(
            inner, params.get(name, {}), mask.get(name, {})
        )
    new, cut = ({n: t for n, t in tree.items() if t} for tree in (new, cut))
    if isinstance(layer, Residual):
        return replace(layer, **cast("Any", parts)), new, cut
    layers = list(parts.values())
    for index, (rows, columns) in _remaining(layers, new, cut).items():
        name = str(index)
        layers[index] = _resized(layers[index], rows, columns)
        new[name] = _taken(new[name], rows, columns)
        cut |= {name: _taken(cut[name], rows, columns)} if name in cut else {}
    return Sequential(layers), new, cut


def _remaining(
    layers: list[Layer], params: Params, mask: Params
) -> dict[int, tuple[Any, Any]]:
    """Return the inputs and units that remain of each layer that is linked."""
    links = list(_links(layers, params))
    ends = {index for link in links for index in link[:2]}
    every = {index: _used(layers[index], params, mask, str(index)) for index in ends}
    used = {index: every[index]["kernel"] for index in ends}
    rows, columns = (
        {index: np.ones(used[index].shape[axis], bool) for index in ends}
        for axis in (-2, -1)
    )
    changed = True
    while changed:
        changed = False
        for a, b, zero_stays in links:
            alive = columns[a]
            entered = _any(used[a][..., rows[a], :], -1)
            entered |= every[a].get("bias", False) if zero_stays else True
            read = _any(used[b][..., columns[b]], -2)
            read = np.any(read.reshape(-1, alive.size), axis=0)
            now = alive & entered & read
            if not np.any(now):  # one remains, which nothing needs to enter
                now[np.argmax(alive)] = True
                used[a][..., now] = False
            changed |= bool(np.any(now != alive))
            columns[a], rows[b] = now, np.tile(now, rows[b].size // now.size)
    return {index: (rows[index], columns[index]) for index in sorted(ends)}


def _links(layers: list[Layer], params: Params) -> Iterator[_Link]:
    """Yield each pair of layers between which units can go."""
    places = [i for i, layer in enumerate(layers) if _is_cuttable(layer)]
    for a, b in pairwise(places):
        start, end = layers[a], layers[b]
        units, form, flat, zero_stays = _units(start)[1], _form(start), False, True
        linked = True
        for between in layers[a + 1 : b]:
            if isinstance(between, Activation):
                zero_stays &= _keeps_zero(between, params[str(a)]["kernel"]["loc"])
            elif isinstance(between, Flatten):
                flat = True
            elif isinstance(between, _BY_CHANNEL):
                linked &= between.data_format == form
                if isinstance(between, _GLOBAL) and not between.keepdims:
                    form = "channels_last"
            else:
                linked &= isinstance(between, Dropout)
        inputs = _units(end)[0]
        fits = inputs % units == 0 if flat else inputs == units
        if linked and fits and form == _form(end):
            yield _Link(a, b, zero_stays)


def _is_cuttable(layer: Layer) -> bool:
    if not isinstance(layer, Dense | Convolution):
        return False
    alike = all(map(_is_alike, (layer.prior, layer.bias_prior)))
    by_weight = all(map(_is_by_weight, layer.posteriors.values()))
    return alike and by_weight and (isinstance(layer, Dense) or layer.groups == 1)


def _is_alike(prior: Any) -> bool:
    """Whether a prior is the same for each weight, however many there are."""
    if isinstance(prior, LocationScalePrior):
        numbers = isinstance(prior.loc, float) and isinstance(prior.scale, float)
        return numbers and not prior.width_scaled
    return prior is None or isinstance(prior, LogUniformPrior)


def _is_by_weight(posterior: Any) -> bool:
    """Whether a posterior is of independent weights, with parameters for each."""
    shape = (2, 3)
    each = all(other == shape for other in posterior.shapes(shape).values())
    return each and (posterior.deterministic or posterior.independent)


def _units(layer: Layer) -> tuple[int, int]:
    """Return the numbers of inputs and units."""
    rows, columns = cast("Dense", layer).kernel_shape[-2:]
    return rows, columns


def _form(layer: Layer) -> str:
    return layer.data_format if isinstance(layer, Convolution) else "channels_last"


def _keeps_zero(layer: Activation, like: Array) -> bool:
    k = kernels_for(like)
    zero = k.xp.zeros((1,), dtype=like.dtype, device=k.device(like))
    return bool(layer.forward({}, zero, {})[0][0] == 0)


def _resized(layer: Layer, rows: Any, columns: Any) -> Layer:
    sizes = int(np.sum(rows)), int(np.sum(columns))
    kind = "features" if isinstance(layer, Dense) else "channels"
    new = dict(zip((f"in_{kind}", f"out_{kind}"), sizes, strict=True))
    return cast("Layer", replace(cast("Any", layer), **new))


def _taken(parts: Mapping[str, Any], rows: Any, columns: Any) -> dict[str, Any]:
    """Return {"kernel": …, "bias": …} of the inputs and units that remain."""
    new = dict(parts)
    for name, axes in (
        ("kernel", ((rows, -2), (columns, -1))),
        ("bias", ((columns, -1),)),
    ):
        for kept, axis in axes if name in new else ():
            new[name] = {n: _take(x, kept, axis) for n, x in new[name].items()}
    return new


def _take(x: Array, kept: Any, axis: int) -> Array:
    k = kernels_for(x)
    index = k.xp.asarray(np.flatnonzero(kept), device=k.device(x))
    return k.xp.take(x, index, axis=axis + x.ndim)


def _used(layer: Layer, params: Params, mask: Params, name: str) -> dict[str, Any]:
    """Return which entries of the kernel and the bias are not gone."""
    used = {}
    for weight, posterior in cast("Dense", layer).posteriors.items():
        kept = mask.get(name, {}).get(weight, {}).get("loc")
        loc = params[name][weight]["loc"]
        if posterior.deterministic:
            used[weight] = _host(loc) != 0
        else:
            used[weight] = np.ones(loc.shape, bool) if kept is None else _host(kept) > 0
    return used


def _host(x: Array) -> Any:
    return np.array(kernels_for(x).to_numpy(x))


def _any(used: Any, axis: int) -> Any:
    """Return whether there is any along all axes but one."""
    others = tuple(i for i in range(used.ndim) if i != axis + used.ndim)
    return np.any(used, axis=others)
