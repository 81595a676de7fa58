"""Cut units out of chains of points, so that arrays get smaller and outputs stay.

Of two layers a and b with weights, one after the other in a `Sequential`, and what lies
between them, unit j of a can go when

    nothing reads it        all of b's weights on j are 0: exact, whatever j is
    it is always 0          all of a's weights into j and its bias are 0, and f(0) = 0
                            for every activation between

Each may make the other true one layer on, so both are tried until nothing changes. One
unit at least remains.

    between a and b     Activation, Dropout, pooling, UpSampling: channel by channel
                        Flatten, to a Dense: unit j of a is inputs p C + j of b
    units of a          kernel [..., j], bias [j]
    inputs of b         kernel [..., j, :]

where a and b are `Dense` or `Convolution` without groups. Elsewhere nothing shrinks,
nor do the chain's own inputs and outputs.
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
    Sequential,
    UpSampling,
)
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
        layer: with points for posteriors; what is no `Sequential` is left alone.
        params: its parameters.
        mask: nested as the parameters, as `Pruned.mask`.
    """
    if not isinstance(layer, Sequential):
        return layer, dict(params), dict(mask)
    layers, new, cut = list(layer.layers), dict(params), dict(mask)
    for index, inner in enumerate(layers):
        if (name := str(index)) in params:
            layers[index], new[name], part = shrink(
                inner, params[name], mask.get(name, {})
            )
            cut |= {name: part} if part else {}
    for index, (rows, columns) in _remaining(layers, new).items():
        name = str(index)
        layers[index] = _resized(layers[index], rows, columns)
        new[name] = _taken(new[name], rows, columns)
        cut |= {name: _taken(cut[name], rows, columns)} if name in cut else {}
    return Sequential(layers), new, cut


def _remaining(layers: list[Layer], params: Params) -> dict[int, tuple[Any, Any]]:
    """Return the inputs and units that remain of each layer that is linked."""
    links = list(_links(layers, params))
    ends = {index for link in links for index in link[:2]}
    used = {index: _used(params[str(index)]["kernel"]["loc"]) for index in ends}
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
            bias = params[str(a)].get("bias")
            entered |= _used(bias["loc"]) if bias and zero_stays else not zero_stays
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
                linked &= not flat and between.data_format == form
                if isinstance(between, _GLOBAL) and not between.keepdims:
                    form = "channels_last"
            else:
                linked &= isinstance(between, Dropout)
        if isinstance(end, Convolution):
            linked &= not flat
        inputs = _units(end)[0]
        fits = inputs % units == 0 if flat else inputs == units
        if linked and fits and form == _form(end):
            yield _Link(a, b, zero_stays)


def _is_cuttable(layer: Layer) -> bool:
    return isinstance(layer, Dense | Convolution) and (
        isinstance(layer, Dense) or layer.groups == 1
    )


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
    if "kernel" in parts:
        kernel = _take(parts["kernel"]["loc"], rows, -2)
        new["kernel"] = {"loc": _take(kernel, columns, -1)}
    if "bias" in parts:
        new["bias"] = {"loc": _take(parts["bias"]["loc"], columns, -1)}
    return new


def _take(x: Array, kept: Any, axis: int) -> Array:
    k = kernels_for(x)
    index = k.xp.asarray(np.flatnonzero(kept), device=k.device(x))
    return k.xp.take(x, index, axis=axis + x.ndim)


def _used(x: Array) -> Any:
    return np.asarray(kernels_for(x).to_numpy(x)) != 0


def _any(used: Any, axis: int) -> Any:
    """Return whether there is any along all axes but one."""
    others = tuple(i for i in range(used.ndim) if i != axis + used.ndim)
    return np.any(used, axis=others)
