"""A model as a table: its layers, their shapes, parameter counts and uncertainty.

The last two columns are where a Bayesian network is read: the divergence that a layer
pays for what it has learned, and how many standard deviations its weights lie away from
zero. A layer whose ratio is far below 1 could be left out, or its prior is too tight.
Another column says which divergence it is: in closed form, or how else.
"""

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, NamedTuple

import numpy as np

from varlayers import tree
from varlayers.dispatch import kernels_for
from varlayers.serialization.registry import entry_name
from varlayers.tables import table
from varlayers.types import Array, Layer, Params, Shape

__all__ = ["compact", "count_parameters", "summarize", "walk"]

_HEADER = (
    *("Name", "Layer", "Output", "Divergence"),
    *("Parameters", "KL (nats)", "|loc|/scale"),
)
_LEFT_ALIGNED = 4
_MAX_WIDTH = 48


def summarize(layer: Layer, params: Params, input_shape: Shape | None = None) -> str:
    """Return a table of the layers inside, one line each, and their totals.

    Args:
        layer: any layer.
        params: its parameters, in any array library.
        input_shape: of x, the batch included; without it output shapes are left out.

    Returns:
        Lines of text. Divergence is that in use for the layer's weights, weight by
        weight where they differ, and KL (nats) its value. |loc|/scale, the
        signal-to-noise ratio, is the median over a layer's random weights; in the last
        line, over those of all layers. A column without entries is left out.

    Raises:
        TypeError: if `params` is no dict of parameters.
        ValueError: if the layer does not take inputs of that shape.

    Example:
        >>> import varlayers as vl
        >>> model = vl.Sequential([vl.LayerNorm(4), vl.Activation("relu")])
        >>> print(vl.summarize(model, model.init(vl.key(0)), (32, 4)))
        Name  Layer               Output   Parameters
        ---------------------------------------------
        0     LayerNorm(4)        (32, 4)           8
        1     Activation('relu')  (32, 4)           0
        ---------------------------------------------
              Total                                 8
    """
    if not isinstance(params, Mapping):
        msg = (
            f"summarize expected `params`, the dict that init returns, "
            f"got {type(params).__name__}."
        )
        raise TypeError(msg)
    shape = None if input_shape is None else tuple(input_shape)
    rows = [
        _row(name, inner, values, x_shape)
        for name, inner, values, x_shape in walk(layer, params, shape)
    ]
    total = _Row(
        "",
        "Total",
        "",
        "",
        count_parameters(params),
        _total(row.kl for row in rows),
        np.concatenate([row.ratios for row in rows]),
    )
    return table(_HEADER, [row.cells() for row in rows], total.cells(), _LEFT_ALIGNED)


def count_parameters(params: Params) -> int:
    """Return the number of numbers in params."""
    return sum(int(np.prod(np.shape(leaf), dtype=int)) for leaf in tree.leaves(params))


def compact(value: Any) -> str:
    """Return a short repr: an object by the name of its table entry, or by its class.

    A class is shown with its required fields and those that differ from the default.
    """
    if name := entry_name(value):
        return repr(name.partition(".")[2])
    if isinstance(value, tuple):
        return f"[{', '.join(compact(part) for part in value)}]"
    if not is_dataclass(value):
        return repr(value)
    values = {field.name: getattr(value, field.name) for field in fields(value)}
    required = {name: values[name] for name in _required(value)}
    make: Any = type(value)
    default = make(**required)
    given = [
        f"{name}={compact(part)}"
        for name, part in values.items()
        if part != getattr(default, name)
    ]
    shown = ", ".join([*map(compact, required.values()), *given])
    return f"{type(value).__name__}({shown})"


def _required(value: Any) -> list[str]:
    return [
        field.name
        for field in fields(value)
        if field.default is MISSING and field.default_factory is MISSING
    ]


class _Row(NamedTuple):
    name: str
    layer: str
    output: str
    divergence: str
    size: int
    kl: float | None
    ratios: Any

    def cells(self) -> tuple[str, ...]:
        kl = "" if self.kl is None else f"{self.kl:,.1f}"
        ratio = f"{np.median(self.ratios):.2f}" if self.ratios.size else ""
        text = self.name, self.layer, self.output, self.divergence
        return *text, f"{self.size:,}", kl, ratio


def walk(
    layer: Layer, params: Params, x_shape: Shape | None = None, path: str = ""
) -> Iterator[tuple[str, Layer, Params, Shape | None]]:
    """Yield the innermost layers, with their names, parameters and input shapes."""
    children = layer.children(x_shape)
    if not children:
        yield path, layer, params, x_shape
    for name, (child, shape) in children.items():
        inner = f"{path}.{name}" if path else name
        yield from walk(child, params.get(name, {}), shape, inner)


def _row(name: str, layer: Layer, params: Params, x_shape: Shape | None) -> _Row:
    output = "" if x_shape is None else str(tuple(layer.out_shape(x_shape)))
    kl = _total(float(part) for part in tree.leaves(layer.kl(params)))
    ratios = [_ratios(weight) for weight in _weights(layer.weights(params))]
    return _Row(
        name,
        _shortened(compact(layer)),
        output,
        _shortened(_divergence(getattr(layer, "divergences", {}))),
        count_parameters(params),
        kl,
        np.concatenate([np.zeros(0), *ratios]),
    )


def _divergence(by_weight: Mapping[str, Any]) -> str:
    """Return the divergence that all weights have, or that of each by name."""
    names = {name: _named(divergence) for name, divergence in by_weight.items()}
    if len(set(names.values())) <= 1:
        return next(iter(names.values()), "")
    return ", ".join(f"{name}: {text}" for name, text in names.items())


def _named(divergence: Any) -> str:
    name = getattr(divergence, "__name__", None)  # of a function
    return name or compact(divergence).strip("'")


def _shortened(text: str) -> str:
    return text if len(text) <= _MAX_WIDTH else f"{text[: _MAX_WIDTH - 1]}…"


def _weights(nested: Params) -> Iterator[Params]:
    """Yield each {"loc", "scale"} inside."""
    if "loc" in nested:
        yield nested
        return
    for inner in nested.values():
        yield from _weights(inner)


def _ratios(weight: Params) -> Any:
    """Return |loc| / scale of the random elements, flat."""
    loc, scale = (_host(weight[name]) for name in ("loc", "scale"))
    random = scale > 0
    return np.abs(loc[random]) / scale[random]


def _host(x: Array) -> Any:
    return np.asarray(kernels_for(x).to_numpy(x), dtype=np.float64)


def _total(values: Iterator[float | None]) -> float | None:
    present = [value for value in values if value is not None]
    return sum(present) if present else None
