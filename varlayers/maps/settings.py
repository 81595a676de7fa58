"""Settings of a convolution, checked and made one form: a tuple with entry per axis."""

from collections.abc import Sequence
from typing import Any

from varlayers.checks import check_size, per_axis
from varlayers.windows import PADDINGS

__all__ = ["DATA_FORMATS", "check_data_format", "settle"]

DATA_FORMATS = ("channels_first", "channels_last")
_ONE_AXIS = ("anticausal", "causal")


def settle(owner: str, settings: Any) -> None:
    """Check a frozen object's rank, strides, dilations, padding, groups, data_format.

    Integers become tuples with one entry per axis, explicit pads pairs (low, high).

    Raises:
        TypeError: if a number is not an integer.
        ValueError: if one is out of range, or their axes differ in number.
    """
    check_size(owner, "rank", settings.rank)
    check_size(owner, "groups", settings.groups)
    for argument in ("strides", "dilations"):
        value = per_axis(owner, argument, getattr(settings, argument), settings.rank)
        object.__setattr__(settings, argument, value)
    padding = _padding(owner, settings.padding, settings.rank)
    object.__setattr__(settings, "padding", padding)
    check_data_format(owner, settings.data_format)


def check_data_format(owner: str, data_format: str) -> None:
    """Raise unless this is one of `DATA_FORMATS`."""
    if data_format not in DATA_FORMATS:
        msg = f"{owner} expected `data_format` in {DATA_FORMATS}, got {data_format!r}."
        raise ValueError(msg)


def _padding(owner: str, padding: Any, rank: int) -> Any:
    if not isinstance(padding, str):
        return _pads(owner, padding, rank)
    if padding not in PADDINGS:
        msg = (
            f"{owner} expected `padding` in {PADDINGS} or zeros per side, "
            f"got {padding!r}."
        )
        raise ValueError(msg)
    if padding in _ONE_AXIS and rank != 1:
        msg = (
            f"{owner} expected `padding` other than {padding!r} for rank {rank}. "
            "Only one axis can be time; give zeros per side, ((low, high), ...)."
        )
        raise ValueError(msg)
    return padding


def _pads(owner: str, padding: Any, rank: int) -> tuple[tuple[int, ...], ...]:
    entries = padding if isinstance(padding, Sequence) else (padding,) * rank
    pairs = tuple(tuple(e) if isinstance(e, Sequence) else (e, e) for e in entries)
    if len(pairs) != rank or any(len(pair) != 2 for pair in pairs):
        msg = (
            f"{owner} expected `padding` with an integer or (low, high) for each of "
            f"{rank} axes, got {padding!r}."
        )
        raise ValueError(msg)
    for pad in (pad for pair in pairs for pad in pair):
        if isinstance(pad, bool) or not isinstance(pad, int):
            msg = f"{owner} expected integers in `padding`, got {padding!r}."
            raise TypeError(msg)
        if pad < 0:
            msg = f"{owner} expected `padding` >= 0, got {padding!r}."
            raise ValueError(msg)
    return pairs
